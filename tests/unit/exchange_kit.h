/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of exchange and maker share: archives in memory, a maker with a chain, documents. */
#ifndef HM_TESTS_EXCHANGE_KIT_H
#define HM_TESTS_EXCHANGE_KIT_H

#include "base/ustar.h"
#include "exchange/request.h"
#include "trust_kit.h"

#define KIT_NOW     INT64_C(1800000000) /* 2027-01-15T08:00:00Z */
#define KIT_EXPIRES (KIT_NOW + 86400)

/* An archive being put together; members may be in any order and of any name. */
struct kit_archive {
    struct hm_buf bytes;
    struct hm_ustar_writer writer;
};

void kit_archive_init(struct kit_archive *archive);
void kit_archive_add(struct kit_archive *archive, const char *name, struct hm_bytes bytes);
void kit_archive_end(struct kit_archive *archive);
void kit_archive_done(struct kit_archive *archive);

/* Reads an archive from memory; taken counts the bytes given out. */
struct kit_source {
    struct hm_bytes left;
    size_t taken;
};
void kit_source_init(struct kit_source *source, struct hm_bytes bytes,
                     struct hm_ustar_reader *reader);

/* Maker acme: identity 1 has keys ACME1 and ACME2, identity 2 has ACME2 and ACME3, threshold 2
 * each. */
struct kit_maker {
    struct hm_buf identities[2];
    struct hm_bytes raw[2];
    size_t count;
    struct hm_identity *identity; /* the newest */
    struct hm_targets *targets;   /* maker~acme for site globex: a.rom "hello", b.rom "world" */
};

void kit_maker_init(struct kit_maker *maker, size_t versions);
void kit_maker_done(struct kit_maker *maker);
/* A target whose digest and length are those of content. */
void kit_maker_put(struct hm_targets *targets, const char *path, const char *content,
                   const char *custom);
/* An envelope of targets, signed by the keys. */
void kit_targets(const struct hm_targets *targets, const enum kit_key *keys, size_t count,
                 struct hm_buf *ret_raw);
/* An envelope of maker->targets with the newest identity's signatures. */
void kit_maker_sign(const struct kit_maker *maker, struct hm_buf *ret_raw);
/* A root of "globex" with the version, its root keys, and KIT_TARGETS for targets; signed. */
void kit_root_version(int64_t version, const enum kit_key *keys, size_t key_count,
                      uint32_t threshold, const enum kit_key *signers, size_t signer_count,
                      struct hm_buf *ret_raw);

#endif
