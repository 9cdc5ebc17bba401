/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Roles by name: which kind of document a role has, the file name it gets, and what a document says
 * of itself before anything in it is believed.
 */
#ifndef HM_EXCHANGE_ROLE_H
#define HM_EXCHANGE_ROLE_H

#include "tuf/envelope.h"

enum hm_role_kind {
    HM_ROLE_ROOT,
    HM_ROLE_TARGETS, /* "targets" and every delegated role */
    HM_ROLE_IDENTITY,
};

/* Name and NUL; names are those of DESIGN 5.1, the longest "release~", an ID, "~" and a product. */
#define HM_ROLE_NAME_SIZE_MAX 112

/* A role that people sign: root, targets, identity, release~ID, maker~ID, recalls~ID,
 * recalls~vendor, release~ID~PRODUCT, maker~ID~PRODUCT. HM_EFORMAT otherwise (timestamp and
 * snapshot are the site's own). */
HM_MUST_CHECK enum hm_rc hm_role_parse(struct hm_bytes name, struct hm_err *err,
                                       enum hm_role_kind *ret_kind);
/* True for PREFIX~ID, and for PREFIX~ID~PRODUCT; *ret_id (may be NULL) is the ID's view. */
bool hm_role_is_of(const char *role, const char *prefix, struct hm_bytes *ret_id);
/* Appends prefix, the percent-encoded name and ".json". */
HM_MUST_CHECK enum hm_rc hm_role_file_name(const char *prefix, const char *role, struct hm_err *err,
                                           struct hm_buf *ret_name);
/* The version that an envelope states for itself. HM_EFORMAT, also where its "_type" is not the
 * kind of role. */
HM_MUST_CHECK enum hm_rc hm_role_peek_version(const struct hm_envelope *envelope, const char *role,
                                              struct hm_err *err, int64_t *ret_version);

#endif
