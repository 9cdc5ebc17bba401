/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of "hallmark image" share. */
#ifndef HM_CMD_IMAGE_H
#define HM_CMD_IMAGE_H

#include <getopt.h>

#include "base/json_writer.h"
#include "cmd.h"
#include "image/inspect.h"

/* A tree at its limits is 60 MiB of JSON. */
#define HM_IMAGE_OUTPUT_SIZE_MAX ((size_t)1 << 30)

enum hm_image_option {
    HM_IMAGE_OPTION_JSON = 256,
    HM_IMAGE_OPTION_DIGESTS,
};

struct hm_image_args {
    bool json, digests;
    struct hm_buf worker; /* path of the program that reads */
};

/* Fills args; returns an exit status, or -1 to go on. command is "hallmark image show". */
HM_MUST_CHECK int hm_image_args_parse(int argc, char **argv, const struct option *options,
                                      const char *command, const char *usage,
                                      struct hm_image_args *args);
void hm_image_args_done(struct hm_image_args *args);
/* As hm_inspect_path. */
HM_MUST_CHECK enum hm_rc hm_image_inspect(const struct hm_image_args *args, const char *path,
                                          bool wants_contents, struct hm_err *err,
                                          struct hm_inspection **ret_inspection);

/* The object of a command's files: its head, and its end, which prints it. */
void hm_image_json_begin(struct hm_json_writer *writer, const char *schema);
HM_MUST_CHECK enum hm_rc hm_image_json_end(struct hm_json_writer *writer, const struct hm_buf *buf,
                                           struct hm_err *err);
/* The exit status of two files, of each its own: 4, else 1, else 3, else 0. */
int hm_image_worse(int a, int b);

hm_cmd_fn hm_cmd_image_scan;
hm_cmd_fn hm_cmd_image_show;

#endif
