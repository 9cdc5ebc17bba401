/* SPDX-License-Identifier: Apache-2.0 */
/* Archives, a maker and documents, for tests alone: whatever goes wrong here aborts. */
#include "exchange_kit.h"

#define OK(expression) HM_ASSERT((expression) == HM_OK)

static enum hm_rc write_buf(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    return hm_buf_append(ctx, bytes, err);
}

void kit_archive_init(struct kit_archive *archive)
{
    archive->bytes = (struct hm_buf)HM_BUF_INIT((size_t)1 << 28);
    hm_ustar_writer_init(&archive->writer, write_buf, &archive->bytes);
}

void kit_archive_add(struct kit_archive *archive, const char *name, struct hm_bytes bytes)
{
    OK(hm_ustar_writer_add(&archive->writer, name, bytes, NULL));
}

void kit_archive_end(struct kit_archive *archive)
{
    OK(hm_ustar_writer_end(&archive->writer, NULL));
}

void kit_archive_done(struct kit_archive *archive)
{
    hm_buf_done(&archive->bytes);
}

static enum hm_rc read_memory(void *ctx, uint8_t *data, size_t size, struct hm_err *err,
                              bool *ret_end)
{
    struct kit_source *source = ctx;

    if (source->left.size == 0 && size > 0) {
        *ret_end = true;
        return HM_OK;
    }
    if (source->left.size < size)
        return hm_fail(err, HM_EFORMAT, "cut off");
    memcpy(data, source->left.data, size);
    source->left.data += size;
    source->left.size -= size;
    source->taken += size;
    return HM_OK;
}

void kit_source_init(struct kit_source *source, struct hm_bytes bytes,
                     struct hm_ustar_reader *reader)
{
    source->left = bytes;
    source->taken = 0;
    hm_ustar_reader_init(reader, read_memory, source);
}

void kit_maker_put(struct hm_targets *targets, const char *path, const char *content,
                   const char *custom)
{
    struct hm_target target = {
        .path = hm_bytes_str(path),
        .facts = {.has_length = true, .length = strlen(content), .has_sha256 = true},
    };

    if (custom != NULL)
        target.custom = hm_bytes_str(custom);
    OK(hm_digest_sha256(hm_bytes_str(content), NULL, &target.facts.sha256));
    OK(hm_targets_put(targets, &target, NULL));
}

void kit_maker_init(struct kit_maker *maker, size_t versions)
{
    static const enum kit_key first[] = {KIT_ACME1, KIT_ACME2};
    static const enum kit_key second[] = {KIT_ACME2, KIT_ACME3};
    static const enum kit_key all[] = {KIT_ACME1, KIT_ACME2, KIT_ACME3};

    *maker = (struct kit_maker){
        .identities = {HM_BUF_INIT(HM_IDENTITY_SIZE_MAX), HM_BUF_INIT(HM_IDENTITY_SIZE_MAX)},
        .count = versions};
    kit_identity("acme", 1, first, 2, 2, first, 2, &maker->identities[0]);
    kit_identity("acme", 2, second, 2, 2, all, 3, &maker->identities[1]);
    for (size_t i = 0; i < 2; i++)
        maker->raw[i] = hm_buf_bytes(&maker->identities[i]);
    OK(hm_identity_verify_first(maker->raw[0], NULL, &maker->identity));
    if (versions == 2) {
        struct hm_identity *next = NULL;

        OK(hm_identity_verify_next(maker->identity, maker->raw[1], NULL, &next));
        hm_identity_free(maker->identity);
        maker->identity = next;
    }
    OK(hm_targets_new(NULL, &maker->targets));
    maker->targets->document.version = 1;
    maker->targets->document.expires_unix_s = KIT_EXPIRES;
    kit_maker_put(maker->targets, "acme/nic/1.0/a.rom", "hello", "{\"title\":\"NIC ROM\"}");
    kit_maker_put(maker->targets, "acme/nic/1.0/b.rom", "world", "{\"title\":\"NIC ROM\"}");
    kit_maker_statement(maker->targets, "globex", "acme", maker->identity);
}

void kit_maker_done(struct kit_maker *maker)
{
    hm_targets_free(maker->targets);
    hm_identity_free(maker->identity);
    for (size_t i = 0; i < 2; i++)
        hm_buf_done(&maker->identities[i]);
}

void kit_targets(const struct hm_targets *targets, const enum kit_key *keys, size_t count,
                 struct hm_buf *ret_raw)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);

    OK(hm_targets_write(targets, NULL, &canonical));
    kit_sign(hm_buf_bytes(&canonical), keys, count, ret_raw);
}

void kit_maker_sign(const struct kit_maker *maker, struct hm_buf *ret_raw)
{
    static const enum kit_key first[] = {KIT_ACME1, KIT_ACME2};
    static const enum kit_key second[] = {KIT_ACME2, KIT_ACME3};

    kit_targets(maker->targets, maker->count == 2 ? second : first, 2, ret_raw);
}

void kit_root_version(int64_t version, const enum kit_key *keys, size_t key_count,
                      uint32_t threshold, const enum kit_key *signers, size_t signer_count,
                      struct hm_buf *ret_raw)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    _hm_free_(hm_root_free) struct hm_root *root = NULL;
    const struct hm_key *list[KIT_KEY_COUNT_];
    const struct hm_key *online = kit_key(KIT_ONLINE);
    const struct hm_key *targets = kit_key(KIT_TARGETS);

    OK(hm_root_new(NULL, &root));
    root->document.version = version;
    root->document.expires_unix_s = KIT_EXPIRES;
    root->consistent_snapshot = true;
    OK(hm_arena_copy(&root->arena, HM_BYTES_LITERAL("{\"site\":\"globex\"}"), NULL,
                     &root->document.x_hallmark));
    for (size_t i = 0; i < key_count; i++)
        list[i] = kit_key(keys[i]);
    OK(hm_root_set_role(root, HM_ROOT_ROLE_ROOT, list, key_count, threshold, NULL));
    OK(hm_root_set_role(root, HM_ROOT_ROLE_TIMESTAMP, &online, 1, 1, NULL));
    OK(hm_root_set_role(root, HM_ROOT_ROLE_SNAPSHOT, &online, 1, 1, NULL));
    OK(hm_root_set_role(root, HM_ROOT_ROLE_TARGETS, &targets, 1, 1, NULL));
    OK(hm_root_write(root, NULL, &canonical));
    kit_sign(hm_buf_bytes(&canonical), signers, signer_count, ret_raw);
}
