/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What went wrong: a code that programs act on and a sentence that people read.
 *
 * Every function that can fail returns enum hm_rc and fills the caller's struct hm_err. A caller
 * compares with HM_OK; nothing here is a truth value. The codes are a contract: the commands map
 * them to exit statuses (see hm_error_exit_status), and the manual lists them.
 */
#ifndef HM_BASE_ERROR_H
#define HM_BASE_ERROR_H

#include "base/macro.h"

enum hm_rc {
    HM_OK = 0,
    /* A negative answer: the thing was examined and is not good. Exit status 1. */
    HM_EFORMAT,    /* bytes do not follow their format or a limit of it */
    HM_ESIGNATURE, /* a signature or a threshold of signatures is not met */
    HM_EMISMATCH,  /* a digest, length, name or version is not the one that was signed for */
    HM_EROLLBACK,  /* a version lower than one already seen */
    HM_EREFUSED,   /* a rule of trust or of the site says no */
    HM_ERECALLED,  /* it was good once, and was taken back */
    HM_EUNKNOWN,   /* examined, and nothing known has these bytes or this name */
    /* Wrong use. Exit status 2. */
    HM_EUSAGE,
    /* Cannot tell: something needed is missing. Exit status 3. */
    HM_ENOTFOUND, /* a file or object that was asked for does not exist */
    HM_ENETWORK,  /* a transfer failed, or a server answered with an error */
    HM_EEXPIRED,  /* signed, but its time is over */
    HM_ECLOCK,    /* the clock is behind what was already seen */
    HM_EBUSY,     /* somebody else holds the lock */
    HM_EINPUT,    /* a local input is missing or unreadable */
    HM_EAGAIN,    /* not enough signatures yet, or a step must come first */
    /* Internal. Exit status 4. */
    HM_ENOMEM,
    HM_EIO,       /* the system refused a read, write or flush */
    HM_EINTERNAL, /* a library failed in a way that input cannot cause */
    HM_RC_COUNT_
};

#define HM_ERR_TEXT_MAX 1024

struct hm_err {
    enum hm_rc rc;
    bool has_offset;
    uint64_t offset;            /* byte offset in the input, where has_offset */
    char text[HM_ERR_TEXT_MAX]; /* one sentence, UTF-8, no trailing newline; bytes from outside are
                                   escaped */
};

#define HM_ERR_INIT                                                                                \
    {                                                                                              \
        .rc = HM_OK                                                                                \
    }

/* Returns from the enclosing function unless the expression is HM_OK. */
#define HM_TRY(expression)                                                                         \
    do {                                                                                           \
        enum hm_rc _try_rc = (expression);                                                         \
        if (_try_rc != HM_OK)                                                                      \
            return _try_rc;                                                                        \
    } while (0)

/* Fills *err (which may be NULL) and returns rc, which must not be HM_OK. Control characters and
 * bytes that are not UTF-8 in the formatted text are escaped, so a message can be printed. */
HM_PRINTF(3, 4)
enum hm_rc hm_error_fail(struct hm_err *err, enum hm_rc rc, const char *format, ...);

/* As hm_error_fail, with the byte offset at which the input went wrong. */
HM_PRINTF(4, 5)
enum hm_rc hm_error_fail_at(struct hm_err *err, enum hm_rc rc, uint64_t offset, const char *format,
                            ...);

/* Puts "context: " in front of the sentence in *err and returns err->rc (rc itself if err is NULL).
 * Use: return hm_error_prefix(err, rc, "'%s'", name); */
HM_PRINTF(3, 4)
enum hm_rc hm_error_prefix(struct hm_err *err, enum hm_rc rc, const char *format, ...);

/* HM_EIO (or HM_EINPUT for ENOENT/EACCES/ENOTDIR/EISDIR, HM_ENOMEM for ENOMEM) with the text of the
 * errno value. */
HM_PRINTF(3, 4)
enum hm_rc hm_error_errno(struct hm_err *err, int errno_value, const char *format, ...);

/* Out of memory, in one word. */
enum hm_rc hm_error_nomem(struct hm_err *err);

/* The code's name as in the manual, such as "HM_ESIGNATURE"; static storage. */
const char *hm_error_name(enum hm_rc rc);

/* 0 good, 1 no, 2 usage, 3 cannot tell, 4 internal error. */
int hm_error_exit_status(enum hm_rc rc);

/* hm_fail is what code writes; it reads better at the point of detection. */
#define hm_fail    hm_error_fail
#define hm_fail_at hm_error_fail_at

#endif
