/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads and verifies one targets.json from a file, as the client does with what it fetched: the
 * counterpart of "load" in bench/peers.
 *
 * Usage: load_targets ROOT TARGETS    Prints the number of targets.
 */
#include <stdio.h>

#include "base/file.h"
#include "tuf/root.h"
#include "tuf/targets.h"

static enum hm_rc load(const char *root_path, const char *targets_path, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf root_raw = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    _hm_free_(hm_envelope_free) struct hm_envelope *root_envelope = NULL;
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_free_(hm_root_free) struct hm_root *root = NULL;
    _hm_free_(hm_targets_free) struct hm_targets *targets = NULL;
    struct hm_signed document;

    HM_TRY(hm_file_read_path(root_path, err, &root_raw));
    HM_TRY(hm_envelope_parse(hm_buf_bytes(&root_raw), err, &root_envelope));
    HM_TRY(hm_root_verify_first(root_envelope, err, &root));
    HM_TRY(hm_file_read_path(targets_path, err, &raw));
    HM_TRY(hm_envelope_parse(hm_buf_bytes(&raw), err, &envelope));
    HM_TRY(hm_envelope_verify(envelope, &root->roles[HM_ROOT_ROLE_TARGETS], "targets", err,
                              &document));
    HM_TRY(hm_targets_parse(document, err, &targets));
    printf("%zu\n", targets->target_count);
    return HM_OK;
}

int main(int argc, char **argv)
{
    struct hm_err err = HM_ERR_INIT;

    if (argc != 3)
        return 2;
    if (load(argv[1], argv[2], &err) != HM_OK) {
        fprintf(stderr, "load_targets: %s\n", err.text);
        return 1;
    }
    return 0;
}
