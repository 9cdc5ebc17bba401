/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The core witnesses of a site's release log, as root names them: drafts of the next root with
 * others. The root's threshold signs each change.
 *
 * By default a majority of all witnesses is the quorum: one group "core", made anew whenever one is
 * added or removed. Whoever wants it otherwise writes the policy by hand (hm_witnesses_set_policy).
 */
#ifndef HM_SITE_WITNESSES_H
#define HM_SITE_WITNESSES_H

#include "site/roles.h"
#include "trust/site_log.h"

/* The group of all witnesses. */
#define HM_WITNESSES_GROUP "core"

/* The word on a log that begins: its key, and witness, group and quorum lines (empty: none is
 * needed). HM_EUSAGE: policy has a log line of its own; HM_EFORMAT as hm_log_policy_parse. */
HM_MUST_CHECK enum hm_rc hm_witnesses_make_log(const struct hm_note_key *key,
                                               struct hm_bytes policy, struct hm_err *err,
                                               struct hm_site_log **ret_log);

/* The same witnesses and quorum for the log of this key. */
HM_MUST_CHECK enum hm_rc hm_witnesses_with_log(const struct hm_log_policy *policy,
                                               const struct hm_note_key *key, struct hm_err *err,
                                               struct hm_log_policy **ret_policy);

/* Each of these drafts the next root, and appends to report what changes. HM_EAGAIN: nothing is
 * published yet. A site that keeps no log so far begins one with the origin of its URL. */

/* HM_EUSAGE: a name, vkey or URL that is none; a witness that is there already. HM_EREFUSED: the
 * policy was written by hand. */
HM_MUST_CHECK enum hm_rc hm_witnesses_add(const struct hm_site *site, const char *name,
                                          const char *vkey, const char *url, struct hm_err *err,
                                          struct hm_buf *report);
/* HM_EUNKNOWN: there is none of this name. HM_EREFUSED as above. */
HM_MUST_CHECK enum hm_rc hm_witnesses_remove(const struct hm_site *site, const char *name,
                                             struct hm_err *err, struct hm_buf *report);
/* policy as for hm_witnesses_make_log. HM_EUSAGE: it is what holds now. */
HM_MUST_CHECK enum hm_rc hm_witnesses_set_policy(const struct hm_site *site, struct hm_bytes policy,
                                                 struct hm_err *err, struct hm_buf *report);

/* The log is succeeded (docs/design.md 5.3): root closes it at what the newest snapshot's entry
 * ends, and names another with a key made now, origin (NULL: by the old one's) and the same
 * witnesses. HM_EUSAGE: the site keeps no log, or the next root names another already; HM_EREFUSED:
 * the log that is here is shorter than what was published, or a publish waits for its witnesses. */
HM_MUST_CHECK enum hm_rc hm_witnesses_succeed(const struct hm_site *site, const char *origin,
                                              struct hm_err *err, struct hm_buf *report);

#endif
