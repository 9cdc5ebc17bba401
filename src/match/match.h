/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is this image? The verdict on its bytes, from images that are known.
 *
 * Every word of it rests on comparing bytes or SHA-256 digests, but for one: "related" may rest on
 * the keys of pieces that were decompressed, and is told so. Else anchors and weights choose what
 * is compared and decide nothing. How much of an image is equal decides which release is nearest,
 * and never that it is that release: two releases of one product often differ in a thousandth.
 */
#ifndef HM_MATCH_MATCH_H
#define HM_MATCH_MATCH_H

#include "match/candidate.h"
#include "match/modules.h"

/* Equal bytes of the image or of the release, in percent: from here on it is called "modified". */
#define HM_MATCH_MODIFIED_PERCENT 50
/* Below this, what is shared is library code and chance, and the image is called "unknown". */
#define HM_MATCH_RELATED_PERCENT 10
/* Places with the same bytes that are told. */
#define HM_MATCH_EXACT_COUNT_MAX 64
/* Runs of unknown bytes that are told; bit rot makes thousands. The sums count all. */
#define HM_MATCH_RANGE_COUNT_MAX 100000
#define HM_MATCH_PART_COUNT_MAX  1000

enum hm_match_verdict {
    HM_MATCH_EXACT,    /* these very bytes */
    HM_MATCH_VARIABLE, /* exact except for regions that the format says change on a machine */
    HM_MATCH_MODIFIED, /* most of a release, with other bytes in places that do not change */
    HM_MATCH_CONTAINS, /* whole releases, or whole components of some, and more */
    HM_MATCH_RELATED,  /* modules, bytes or decompressed pieces of releases */
    HM_MATCH_UNKNOWN,
};
/* "exact except variable regions", and so on. */
const char *hm_match_verdict_text(enum hm_match_verdict verdict);

enum hm_match_label {
    HM_MATCH_BYTES_EQUAL,    /* are a release's */
    HM_MATCH_BYTES_VARIABLE, /* differ where the release's format says that they change */
    HM_MATCH_BYTES_PADDING,  /* one byte, repeated */
    HM_MATCH_BYTES_UNKNOWN,
};
const char *hm_match_label_text(enum hm_match_label label);

struct hm_match_range {
    enum hm_match_label label;
    uint32_t offset, size;
    uint32_t release; /* equal, variable: which of the releases */
    uint32_t release_offset;
};

/* A release (or other known image) that the image has to do with. */
struct hm_match_release {
    size_t source;
    struct hm_index_image image;
    bool is_compared;   /* else its bytes are not where they were, as unread says */
    const char *unread; /* in the match's arena; or NULL */
    int64_t shift;      /* where it would begin in the image */
    bool is_whole;      /* all its bytes are in the image at that place, but for variable regions */
    bool has_code_in_variable; /* it would be whole, but for executables in such a region */
    uint64_t explained;        /* of both, but for fill and variable regions */
    uint64_t image_telling, release_telling;
    uint64_t explained_all, release_all; /* with variable regions */
    struct hm_modules modules;           /* zeros where either's are not known */
    bool has_modules;
    /* Pieces of what was decompressed, by their keys alone: some of all, and of them those that the
     * release has. */
    size_t pieces, equal_pieces;
    /* private: */
    struct hm_contents *contents;
    struct hm_comparison comparison;
};

/* A component of the image that is one of a known image, byte for byte. */
struct hm_match_part {
    const struct hm_part *part;
    size_t source;
    struct hm_index_image image;
};

struct hm_match {
    enum hm_match_verdict verdict;
    struct hm_sha256 sha256;
    uint64_t size;
    bool is_looked_into;               /* it was taken apart; else what it packs was not seen */
    bool is_partial;                   /* looking into it ended at a limit: there may be more */
    struct hm_match_release *releases; /* nearest first; several may be equally near */
    size_t release_count;
    struct hm_candidate *exact; /* places with these very bytes */
    size_t exact_count;
    struct hm_match_part *parts;
    size_t part_count;
    struct hm_match_range *ranges; /* all of the image, in order */
    size_t range_count, range_capacity;
    bool has_more_ranges;  /* past the limit: the last ones are not told */
    uint64_t unknown_size; /* bytes that match nothing */
    size_t unknown_count;
    struct hm_arena arena;
};

/* contents: what the image is made of; NULL: nobody looked. Borrowed, like sources, for as long as
 * the match lives. HM_ENOMEM; HM_EREFUSED: too large; HM_EFORMAT: a damaged index. */
HM_MUST_CHECK enum hm_rc hm_match_run(const struct hm_index *const *sources, size_t count,
                                      struct hm_bytes image, const struct hm_sha256 *sha256,
                                      const struct hm_contents *contents, struct hm_err *err,
                                      struct hm_match **ret_match);
void hm_match_free(struct hm_match *match);
HM_DEFINE_FREE(hm_match_free, struct hm_match);

/* Are two releases equally near, so that nothing says which of them it is? */
bool hm_match_is_as_near(const struct hm_match *match, const struct hm_match_release *a,
                         const struct hm_match_release *b);
/* Equal bytes over all bytes of both, in hundredths of a percent: 10000 only where all are equal.
 */
uint32_t hm_match_nearness(const struct hm_match_release *release);
/* Does a whole release lie where a nearer whole one does, so that it says nothing new? */
bool hm_match_is_inner(const struct hm_match *match, const struct hm_match_release *release);
/* Is every byte accounted for by whole known images, variable regions and padding? */
bool hm_match_is_known(const struct hm_match *match);

#endif
