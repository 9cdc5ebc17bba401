/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that live in a signing service, a token or a build farm's own signer: what is to be signed
 * goes out as plain bytes, and what comes back is a bare signature, which says neither of what nor
 * by whom it is. docs/formats.md 26 has the folder.
 *
 * Nothing here adds a signature: what is found has the form that 'hallmark sign' gives, and is
 * merged, and verified once more, the same way.
 */
#ifndef HM_MAKER_EXTERNAL_H
#define HM_MAKER_EXTERNAL_H

#include "exchange/signatures.h"
#include "maker/folder.h"

/* Writes what request (the bytes of a signing request of this folder's) asks to be signed into the
 * folder path, made if missing: the list tosign.json last, so that a folder that has it is whole.
 * The same request gives the same bytes. */
HM_MUST_CHECK enum hm_rc hm_external_write(const struct hm_folder *folder, struct hm_bytes request,
                                           const char *path, struct hm_err *err);

/* All that waits for signatures in a maker's folder. */
struct hm_external;

HM_MUST_CHECK enum hm_rc hm_external_open(const struct hm_folder *folder, int64_t now_unix_s,
                                          struct hm_err *err, struct hm_external **ret_external);
void hm_external_free(struct hm_external *external);
HM_DEFINE_FREE(hm_external_free, struct hm_external);
/* True for a file of signatures that 'hallmark sign' wrote, or that pretends to be one: text that
 * begins with a brace. No bare signature looks like that but by a chance of 2^-80. */
bool hm_external_is_list(struct hm_bytes file);
/* Which key signed which document: tries all that wait with all the keys they want. HM_ENOTFOUND:
 * nothing waits; HM_EFORMAT: no signature has this form; HM_ESIGNATURE: it is by another key, or of
 * other bytes, saying which where that can be told. */
HM_MUST_CHECK enum hm_rc hm_external_find(struct hm_external *external, struct hm_bytes file,
                                          struct hm_err *err,
                                          struct hm_signatures **ret_signatures);

#endif
