/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a foreign file is made of, without touching it: a process of its own (worker.h) takes it
 * apart, confined to computing, within limits of time and memory; what it says is read as input
 * from outside (report.h).
 *
 * A reader that crashes, hangs, or tries what it may not, is a finding: the tree is then the file
 * alone, with HM_FACT_NOT_READ and is_partial. HM_OK does not say that a file was understood; who
 * draws a conclusion looks at is_partial first.
 *
 * The digest of the file itself (node 0) is never the reader's word: it is computed here.
 */
#ifndef HM_IMAGE_INSPECT_H
#define HM_IMAGE_INSPECT_H

#include "image/image.h"

/* The name of the program that reads, in the folder of the command's programs. */
#define HM_INSPECT_PROGRAM "hallmark-inspect"

/* A file at its limit of size and of all budgets takes 15 s of processor time. */
#define HM_INSPECT_CPU_S_MAX 20
/* On a busy machine. */
#define HM_INSPECT_TIME_MS_MAX 120000

struct hm_inspect_options {
    const char *worker;  /* path of the program */
    bool wants_contents; /* what is decompressed, too: hm_inspect_space */
    bool scans;          /* the program is one that scans; by rules (rules.h) */
    struct hm_bytes rules;
    uint32_t cpu_s_max;   /* 0: HM_INSPECT_CPU_S_MAX */
    uint32_t time_ms_max; /* 0: HM_INSPECT_TIME_MS_MAX */
};

struct hm_inspection {
    struct hm_image image;
    struct hm_bytes file; /* the whole file: a copy that nobody can change */
    /* Behind hm_inspect_space. */
    struct hm_bytes output;
    size_t report_size;
    size_t *space_offsets; /* in output; owned, NULL without contents */
    struct hm_bytes
        trailer; /* of one that scans: what it says behind the report; a view of output */
};

/* Reads fd to its end (HM_WALK_FILE_SIZE_MAX at most) and has it inspected. HM_EREFUSED for a
 * larger file, HM_EINPUT where the program is not there, HM_EINTERNAL where this system cannot
 * confine it, HM_EIO, HM_ENOMEM. */
HM_MUST_CHECK enum hm_rc hm_inspect_new(int fd, const struct hm_inspect_options *options,
                                        struct hm_err *err, struct hm_inspection **ret_inspection);
/* As hm_inspect_new, for a path of the user's ("-": standard input); HM_EINPUT too. Sentences name
 * it. */
HM_MUST_CHECK enum hm_rc hm_inspect_path(const char *path, const struct hm_inspect_options *options,
                                         struct hm_err *err, struct hm_inspection **ret_inspection);
void hm_inspect_free(struct hm_inspection *inspection);
HM_DEFINE_FREE(hm_inspect_free, struct hm_inspection);

/* The bytes of a space; empty for a decompressed one if contents were not wanted. Valid as long as
 * the inspection. */
struct hm_bytes hm_inspect_space(const struct hm_inspection *inspection, uint32_t space);
/* The bytes of a node; likewise. */
struct hm_bytes hm_inspect_bytes(const struct hm_inspection *inspection, uint32_t node);

#endif
