/* SPDX-License-Identifier: Apache-2.0 */
/* A maker's signed release on its way to a site: one archive (docs/formats.md 6). */
#ifndef HM_EXCHANGE_SUBMISSION_H
#define HM_EXCHANGE_SUBMISSION_H

#include "base/ustar.h"
#include "trust/partition.h"

#define HM_SUBMISSION_IMAGE_COUNT_MAX 10000
#define HM_SUBMISSION_HEAD_SIZE_MAX   4096
/* All documents of one submission: they are held in memory while images are taken in. */
#define HM_SUBMISSION_DOCUMENTS_SIZE_MAX 536870912
#define HM_SUBMISSION_IMAGE_SIZE_MAX     HM_USTAR_SIZE_MAX

/* One maker~ID~PRODUCT, verified by the delegation in maker.json. */
struct hm_submission_product {
    const char *role;
    const char *product;
    struct hm_bytes raw;
    struct hm_envelope *envelope;
    struct hm_targets *targets;
};

/* Everything before the images, verified: the chain is unbroken, maker.json and each product's
 * document carry the threshold of the newest identity's keys, are for this maker and site, are not
 * expired at now, every path is ID/.../.../.. of this maker (and product), custom has no "vendor"
 * and is within limits. */
struct hm_submission {
    const char *site;
    const char *maker;
    uint32_t image_count;
    struct hm_bytes *identities; /* raw versions 1..N */
    size_t identity_count;
    struct hm_identity *identity;           /* the newest */
    struct hm_bytes maker_raw;              /* maker.json, or empty */
    struct hm_targets *targets;             /* its content; NULL if absent */
    struct hm_envelope *envelope;           /* of maker.json; NULL if absent */
    struct hm_submission_product *products; /* in order; those that the submission changes */
    size_t product_count, product_capacity;
    struct hm_targets *content; /* what maker.json and products list, as one; NULL as targets */
    const char *member;         /* likewise: of the archive, read ahead; NULL: none */
    uint64_t member_size;
    uint64_t documents_size;
    uint32_t images_read;         /* for hm_submission_next_image */
    const struct hm_target *last; /* likewise */
    bool ended;                   /* likewise: the archive's end was met */
    struct hm_arena arena;
};

/* The rules for what a maker may say in maker~ID at site (NULL: whichever it names): made for this
 * maker and site under this identity, no delegations but to products by the rules of
 * hm_partition_check, every path of this maker with SHA-256 and a
 * length that an archive can hold, no two paths that differ in case only, custom within its limit
 * and without "vendor". HM_EFORMAT, HM_EMISMATCH (another maker, site or identity). */
HM_MUST_CHECK enum hm_rc hm_submission_check_targets(const struct hm_targets *targets,
                                                     const char *site,
                                                     const struct hm_identity *identity,
                                                     struct hm_err *err);
/* The same for maker~ID~PRODUCT, called role. */
HM_MUST_CHECK enum hm_rc
hm_submission_check_product(const char *role, const struct hm_targets *targets, const char *site,
                            const struct hm_identity *identity, struct hm_err *err);

/* Reads and verifies the head; the reader then stands before the first image, so call
 * hm_submission_next_image. HM_EFORMAT, HM_ESIGNATURE, HM_EMISMATCH, HM_EROLLBACK, HM_EEXPIRED. */
HM_MUST_CHECK enum hm_rc hm_submission_read(struct hm_ustar_reader *reader, int64_t now_unix_s,
                                            struct hm_err *err,
                                            struct hm_submission **ret_submission);
/* The next image's target and size; *ret_target NULL at the end. HM_EFORMAT: not listed, out of
 * order, twice, wrong count; HM_EMISMATCH: size. The caller streams it with hm_ustar_reader_read
 * and compares the SHA-256. */
HM_MUST_CHECK enum hm_rc hm_submission_next_image(struct hm_submission *submission,
                                                  struct hm_ustar_reader *reader,
                                                  struct hm_err *err,
                                                  const struct hm_target **ret_target);
void hm_submission_free(struct hm_submission *submission);
HM_DEFINE_FREE(hm_submission_free, struct hm_submission);

/* Adds "maker/PRODUCT.json", after the head and in the order of products. */
HM_MUST_CHECK enum hm_rc hm_submission_write_product(struct hm_ustar_writer *writer,
                                                     const char *product, struct hm_bytes raw,
                                                     struct hm_err *err);
/* Writes the head; the caller adds products and "images/PATH" members in the order of paths and
 * ends the archive. */
HM_MUST_CHECK enum hm_rc hm_submission_write_head(struct hm_ustar_writer *writer, const char *site,
                                                  const char *maker,
                                                  const struct hm_bytes *identities,
                                                  size_t identity_count, struct hm_bytes maker_raw,
                                                  uint32_t image_count, struct hm_err *err);

#endif
