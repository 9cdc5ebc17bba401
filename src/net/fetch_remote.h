/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of http:// and https:// URLs, through libcurl. */
#ifndef HM_NET_FETCH_REMOTE_H
#define HM_NET_FETCH_REMOTE_H

#include "net/fetch_internal.h"

struct hm_fetch_remote;

/* Loads libcurl; makes no connection. options are borrowed and outlive the result. */
HM_MUST_CHECK enum hm_rc hm_fetch_remote_new(const struct hm_fetch_options *options,
                                             struct hm_err *err,
                                             struct hm_fetch_remote **ret_remote);
void hm_fetch_remote_free(struct hm_fetch_remote *remote);
HM_DEFINE_FREE(hm_fetch_remote_free, struct hm_fetch_remote);

/* As hm_fetch_stream. Connections are kept open for the next call. */
HM_MUST_CHECK enum hm_rc hm_fetch_remote_stream(struct hm_fetch_remote *remote, const char *url,
                                                const struct hm_fetch_request *request,
                                                const struct hm_fetch_sink *sink,
                                                struct hm_err *err);

#endif
