/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libhallmark: may these bytes be installed, and on whose word? For provisioning tools, firmware
 * updaters and fleet agents. Manual: libhallmark(3).
 *
 * It answers offline, from the state folder that hallmark(1) keeps, as of its last refresh. It
 * makes no connection, prints nothing, ends no process and changes no trust. All input may be
 * hostile; a NULL that is not allowed is HALLMARK_EUSAGE, never a crash.
 *
 * Threads: functions without a handle, and those that read a finished result, may be called by any
 * threads at once. A hallmark_home and a hallmark_error are for one call at a time; different ones
 * are independent. There is no state per thread, and none per process but OpenSSL's (CAVEATS in the
 * manual).
 *
 * Ownership: strings and matches that are returned are borrowed, as told at each function. What a
 * ..._new, ..._open or hallmark_verify_... gives is the caller's to release; releasing NULL is
 * fine.
 *
 * Stability: within libhallmark.so.0, numbers never change their meaning and no function goes. New
 * codes may come: treat a code by its class.
 */
#ifndef HALLMARK_H
#define HALLMARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HALLMARK_API        __attribute__((visibility("default")))
#define HALLMARK_MUST_CHECK __attribute__((visibility("default"), warn_unused_result))
#else
#define HALLMARK_API
#define HALLMARK_MUST_CHECK
#endif

#define HALLMARK_SHA256_SIZE           32
#define HALLMARK_FINGERPRINT_TEXT_SIZE 72 /* with NUL */

/* Hundreds are the class, which is also what hallmark(1) exits with. */
enum hallmark_status {
    HALLMARK_OK = 0,
    /* 1: a negative answer. */
    HALLMARK_EFORMAT = 101,    /* bytes do not follow their format or a limit of it */
    HALLMARK_ESIGNATURE = 102, /* a signature or a threshold of signatures is not met */
    HALLMARK_EMISMATCH = 103,  /* not the bytes that were signed for under this name */
    HALLMARK_EROLLBACK = 104,  /* a version lower than one already seen */
    HALLMARK_EREFUSED = 105,   /* a rule of trust says no */
    HALLMARK_EUNKNOWN = 106,   /* nothing known has these bytes */
    HALLMARK_ERECALLED = 107,  /* released, and taken back since */
    /* 2: wrong use. */
    HALLMARK_EUSAGE = 201,
    /* 3: cannot tell. */
    HALLMARK_ENOTFOUND = 301, /* something that was asked for does not exist */
    HALLMARK_ENETWORK = 302,  /* a transfer had failed */
    HALLMARK_EEXPIRED = 303,  /* signed, but its time is over */
    HALLMARK_ECLOCK = 304,    /* the clock is behind what was already seen */
    HALLMARK_EBUSY = 305,     /* somebody else holds the lock */
    HALLMARK_EINPUT = 306,    /* a local input is missing or unreadable; nothing is trusted yet */
    HALLMARK_EAGAIN = 307,    /* what is needed is not held here: refresh */
    /* 4: internal. */
    HALLMARK_ENOMEM = 401,
    HALLMARK_EIO = 402,
    HALLMARK_EINTERNAL = 403
};

/* Who stands behind a release; order is strength. */
enum hallmark_grade {
    HALLMARK_GRADE_NONE = 0,       /* nobody: the match is refused */
    HALLMARK_GRADE_ATTESTED = 1,   /* the vendor's approvers alone */
    HALLMARK_GRADE_INTRODUCED = 2, /* maker and vendor; the vendor introduced the maker */
    HALLMARK_GRADE_PINNED = 3      /* maker and vendor; the customer pinned the maker */
};

/* What the site's release log says of the state that a match is in; order is strength. */
enum hallmark_log {
    HALLMARK_LOG_UNLOGGED = 0,    /* the site keeps no log, or the match is of no site */
    HALLMARK_LOG_UNWITNESSED = 1, /* logged; nobody but the site vouches that all see the same */
    HALLMARK_LOG_WITNESSED = 2    /* cosigned by the quorum that site or customer demand */
};

struct hallmark_error;  /* why a call did not give HALLMARK_OK */
struct hallmark_home;   /* a state folder, as it was when it was opened */
struct hallmark_result; /* what was found out about some bytes */
struct hallmark_match;  /* one place where they stand */

/* ---- words ----------------------------------------------------------------------------------- */

/* The library's version, such as "0.1.0". Static. */
HALLMARK_API const char *hallmark_version(void);

/* The code's name as hallmark(1) prints it, such as "HM_ESIGNATURE"; "HM_E?" for no code. Static.
 */
HALLMARK_API const char *hallmark_status_name(enum hallmark_status status);

/* 0 good, 1 no, 2 wrong use, 3 cannot tell, 4 internal; 4 for a number out of all classes. */
HALLMARK_API int hallmark_status_class(enum hallmark_status status);

/* Such as "maker, introduced by vendor"; "none" for what is no grade. Static. */
HALLMARK_API const char *hallmark_grade_text(enum hallmark_grade grade);

/* "unlogged", "unwitnessed" or "witnessed"; "unlogged" for what is none. Static. */
HALLMARK_API const char *hallmark_log_text(enum hallmark_log log);

/* ---- errors ---------------------------------------------------------------------------------- */

/* One for as many calls as you like: each sets it, also to HALLMARK_OK and "". Where it is a
 * parameter, NULL is fine. NULL if out of memory. Release it with hallmark_error_free. */
HALLMARK_MUST_CHECK struct hallmark_error *hallmark_error_new(void);
HALLMARK_API void hallmark_error_free(struct hallmark_error *error);

/* What the last call gave; HALLMARK_OK for NULL. */
HALLMARK_API enum hallmark_status hallmark_error_status(const struct hallmark_error *error);

/* One sentence for people, UTF-8, without control characters; "" if there is none. Borrowed until
 * the next call with this error. */
HALLMARK_API const char *hallmark_error_text(const struct hallmark_error *error);

/* ---- digests --------------------------------------------------------------------------------- */

/* SHA-256 of size bytes at data (NULL only if size is 0). Writes HALLMARK_SHA256_SIZE bytes, on
 * HALLMARK_OK alone. HALLMARK_EUSAGE; HALLMARK_ENOMEM, HALLMARK_EINTERNAL. */
HALLMARK_MUST_CHECK enum hallmark_status hallmark_sha256_buffer(const void *data, size_t size,
                                                                struct hallmark_error *error,
                                                                uint8_t *ret_sha256);

/* SHA-256 and size of what is left in fd from its position on, which is moved to the end; fd stays
 * open. A pipe will do. ret_size may be NULL. Nothing is written on failure. HALLMARK_EUSAGE (a
 * negative fd too); HALLMARK_EINPUT, HALLMARK_EIO if it cannot be read. */
HALLMARK_MUST_CHECK enum hallmark_status
hallmark_sha256_fd(int fd, struct hallmark_error *error, uint8_t *ret_sha256, uint64_t *ret_size);

/* Reads a trust file (hallmark.trust) and gives its fingerprint, HALLMARK_SHA256_SIZE bytes: what a
 * person compares with what the vendor says by another way. Trusts nothing. HALLMARK_EFORMAT: it is
 * no trust file; HALLMARK_ESIGNATURE, HALLMARK_EMISMATCH: one that is not true in itself. */
HALLMARK_MUST_CHECK enum hallmark_status hallmark_trust_fingerprint(const void *data, size_t size,
                                                                    struct hallmark_error *error,
                                                                    uint8_t *ret_fingerprint);

/* Writes "1a2b3c4d 5e6f..." in eight groups as hallmark(1) shows a fingerprint, into
 * HALLMARK_FINGERPRINT_TEXT_SIZE bytes. HALLMARK_EUSAGE. */
HALLMARK_MUST_CHECK enum hallmark_status
hallmark_fingerprint_text(const uint8_t *fingerprint, struct hallmark_error *error, char *ret_text);

/* ---- verifying ------------------------------------------------------------------------------- */

/* Opens the state folder at path; NULL: the one that hallmark(1) takes by itself ($HALLMARK_HOME,
 * and so on: a program with more rights than its caller gives a path); "" is HALLMARK_EUSAGE. Loads
 * what all trusted sites said at the last refresh, judged by the system's clock now: to see a later
 * refresh, open it again. Waits, up to a minute, for a refresh that is just running.
 * HALLMARK_EINPUT: no such folder, or no site is trusted yet. A site that cannot be used is no
 * failure here: hallmark_verify_* cannot tell then. Close it with hallmark_home_close. */
HALLMARK_MUST_CHECK enum hallmark_status
hallmark_home_open(const char *path, struct hallmark_error *error, struct hallmark_home **ret_home);
HALLMARK_API void hallmark_home_close(struct hallmark_home *home);

/* The verdict on bytes of this SHA-256 and size. It is what is returned, so that nothing but
 * HALLMARK_OK says good:
 *
 *   HALLMARK_OK         released, and accepted at one site at least
 *   HALLMARK_EREFUSED   known, but a rule of trust says no (any code of class 1 is a no)
 *   HALLMARK_ERECALLED  released, and recalled since by vendor or maker
 *   HALLMARK_EMISMATCH  other bytes than were signed for, under the name of a released file
 *   HALLMARK_EUNKNOWN   no trusted site released them
 *   class 3             cannot tell: a site was never refreshed, a role is not held here, ...
 *   class 2 and 4       nothing was examined
 *
 * name is the file's, for HALLMARK_EMISMATCH and the wording alone, and proves nothing; NULL: none.
 * ret_result may be NULL. Else it is always written: a result, to be released with
 * hallmark_result_free, with a verdict of whatever kind; NULL where nothing was examined. */
HALLMARK_MUST_CHECK enum hallmark_status
hallmark_verify_digest(struct hallmark_home *home, const uint8_t *sha256, uint64_t size,
                       const char *name, struct hallmark_error *error,
                       struct hallmark_result **ret_result);

/* The same for what is left in fd from its position on; read as hallmark_sha256_fd does, with its
 * failures too, and then there is no result. Install from the very descriptor or from a copy that
 * nobody else can write: a path may lead to other bytes later. */
HALLMARK_MUST_CHECK enum hallmark_status hallmark_verify_fd(struct hallmark_home *home, int fd,
                                                            const char *name,
                                                            struct hallmark_error *error,
                                                            struct hallmark_result **ret_result);

/* ---- results --------------------------------------------------------------------------------- */

/* A result stands on its own: it may outlive its home, and does not change. What the functions
 * below return is borrowed until it is freed. */
HALLMARK_API void hallmark_result_free(struct hallmark_result *result);

/* The verdict, as above; HALLMARK_EUSAGE for NULL. */
HALLMARK_API enum hallmark_status hallmark_result_status(const struct hallmark_result *result);

/* Why it is not HALLMARK_OK, one sentence; "" if it is, or for NULL. */
HALLMARK_API const char *hallmark_result_text(const struct hallmark_result *result);

/* HALLMARK_SHA256_SIZE bytes; NULL for NULL. */
HALLMARK_API const uint8_t *hallmark_result_sha256(const struct hallmark_result *result);

/* In bytes; 0 for NULL. */
HALLMARK_API uint64_t hallmark_result_size(const struct hallmark_result *result);

/* Seconds since the last refresh, when verified, of the site whose refresh is longest ago; -1 if a
 * site was never refreshed or cannot be asked, or for NULL. How old is too old is yours to say. */
HALLMARK_API int64_t hallmark_result_age_s(const struct hallmark_result *result);

/* Places where these bytes stand, accepted or not; 0 for NULL. */
HALLMARK_API size_t hallmark_result_match_count(const struct hallmark_result *result);

/* The index-th, from 0, by site and path; NULL past the last or for NULL. */
HALLMARK_API const struct hallmark_match *
hallmark_result_match(const struct hallmark_result *result, size_t index);

/* Whether this place counts: HALLMARK_OK, or why not; HALLMARK_EUSAGE for NULL. */
HALLMARK_API enum hallmark_status hallmark_match_status(const struct hallmark_match *match);

/* Why not, one sentence; "" if it counts, or for NULL. */
HALLMARK_API const char *hallmark_match_text(const struct hallmark_match *match);

/* The site's name; "" for NULL. */
HALLMARK_API const char *hallmark_match_site(const struct hallmark_match *match);

/* "MAKER/PRODUCT/VERSION/FILE"; "" for NULL. */
HALLMARK_API const char *hallmark_match_path(const struct hallmark_match *match);

/* In bytes, as signed; 0 for NULL. */
HALLMARK_API uint64_t hallmark_match_length(const struct hallmark_match *match);

/* HALLMARK_GRADE_NONE unless the match counts, and for NULL. */
HALLMARK_API enum hallmark_grade hallmark_match_grade(const struct hallmark_match *match);

/* Seconds since this site's last refresh, when verified; -1 for NULL. */
HALLMARK_API int64_t hallmark_match_age_s(const struct hallmark_match *match);

/* What the release log said of this site's state at the last refresh; HALLMARK_LOG_UNLOGGED for
 * NULL. Demands of the customer's (hallmark trust policy) were met, or there were no match; a
 * program that wants more looks at it. */
HALLMARK_API enum hallmark_log hallmark_match_log(const struct hallmark_match *match);

/* Witnesses that have cosigned it; 0 for NULL. */
HALLMARK_API size_t hallmark_match_log_cosigned(const struct hallmark_match *match);

/* Seconds since the newest of these cosignatures, when verified; -1 if there is none, or for NULL.
 */
HALLMARK_API int64_t hallmark_match_log_age_s(const struct hallmark_match *match);

/* True if the site is marked as a trial, whose keys are not kept as keys should be; do not install
 * from it in production. */
HALLMARK_API bool hallmark_match_is_trial(const struct hallmark_match *match);

#ifdef __cplusplus
}
#endif

#endif
