/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, signatures and a small site, for tests alone: whatever goes wrong here aborts. */
#include "trust_kit.h"

#include "base/text.h"

#define OK(expression) HM_ASSERT((expression) == HM_OK)

const struct hm_signer *kit_signer(enum kit_key key)
{
    static struct hm_signer *signers[KIT_KEY_COUNT_];

    if (signers[key] == NULL)
        OK(hm_signer_generate("ed25519", NULL, &signers[key]));
    return signers[key];
}

const struct hm_key *kit_key(enum kit_key key)
{
    return hm_signer_key(kit_signer(key));
}

void kit_sign(struct hm_bytes canonical, const enum kit_key *keys, size_t count,
              struct hm_buf *ret_raw)
{
    struct hm_signature signatures[KIT_KEY_COUNT_];
    char hex[KIT_KEY_COUNT_][2 * 64 + 1];

    for (size_t i = 0; i < count; i++) {
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(64);

        OK(hm_signer_sign(kit_signer(keys[i]), canonical, NULL, &raw));
        hm_text_hex(hm_buf_bytes(&raw), hex[i]);
        signatures[i].keyid = hm_bytes_str(hm_key_id(kit_key(keys[i])));
        signatures[i].hex = hm_bytes_str(hex[i]);
    }
    OK(hm_envelope_write(canonical, signatures, count, NULL, ret_raw));
}

void kit_identity(const char *maker, int64_t version, const enum kit_key *keys, size_t key_count,
                  uint32_t threshold, const enum kit_key *signers, size_t signer_count,
                  struct hm_buf *ret_raw)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    const struct hm_key *list[KIT_KEY_COUNT_];

    for (size_t i = 0; i < key_count; i++)
        list[i] = kit_key(keys[i]);
    OK(hm_identity_write(maker, "Acme Networks", version, list, key_count, threshold, NULL,
                         &canonical));
    kit_sign(hm_buf_bytes(&canonical), signers, signer_count, ret_raw);
}

static struct hm_root *make_root(const char *x_hallmark)
{
    static const enum kit_key keys[HM_ROOT_ROLE_COUNT_] = {KIT_ROOT, KIT_ONLINE, KIT_ONLINE,
                                                           KIT_TARGETS};
    struct hm_root *root = NULL;

    OK(hm_root_new(NULL, &root));
    root->document.version = 1;
    root->document.expires_unix_s = INT64_C(4102444800);
    root->consistent_snapshot = true;
    if (x_hallmark != NULL)
        OK(hm_arena_copy(&root->arena, hm_bytes_str(x_hallmark), NULL, &root->document.x_hallmark));
    for (int i = 0; i < HM_ROOT_ROLE_COUNT_; i++) {
        const struct hm_key *key = kit_key(keys[i]);

        OK(hm_root_set_role(root, (enum hm_root_role)i, &key, 1, 1, NULL));
    }
    return root;
}

void kit_root(const char *x_hallmark, struct hm_buf *ret_raw)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    enum kit_key signer = KIT_ROOT;
    struct hm_root *root = make_root(x_hallmark);

    OK(hm_root_write(root, NULL, &canonical));
    kit_sign(hm_buf_bytes(&canonical), &signer, 1, ret_raw);
    hm_root_free(root);
}

static void delegate(struct hm_targets *targets, const char *name, const enum kit_key *keys,
                     size_t key_count, uint32_t threshold, const char *path)
{
    const struct hm_key *list[KIT_KEY_COUNT_];

    for (size_t i = 0; i < key_count; i++)
        list[i] = kit_key(keys[i]);
    OK(hm_targets_delegate(targets, name, list, key_count, threshold, &path, 1, true, NULL));
}

void kit_x_hallmark(struct hm_targets *role, const char *json)
{
    OK(hm_targets_set_x_hallmark(role, hm_bytes_str(json), NULL));
}

void kit_put(struct hm_targets *role, const char *path, uint64_t size, char letter,
             const char *custom)
{
    struct hm_target target = {
        .path = hm_bytes_str(path),
        .facts = {.has_length = true, .length = size, .has_sha256 = true},
    };

    if (custom != NULL)
        target.custom = hm_bytes_str(custom);
    OK(hm_digest_sha256(hm_bytes_make(&letter, 1), NULL, &target.facts.sha256));
    OK(hm_targets_put(role, &target, NULL));
}

void kit_maker_statement(struct hm_targets *role, const char *site, const char *maker,
                         const struct hm_identity *identity)
{
    char hex[HM_SHA256_HEX_SIZE];
    char text[512];

    hm_text_hex(hm_bytes_make(identity->sha256.bytes, HM_SHA256_SIZE), hex);
    (void)snprintf(
        text, sizeof(text),
        "{\"identity\":{\"sha256\":\"%s\",\"version\":%lld},\"maker\":\"%s\",\"site\":\"%s\"}", hex,
        (long long)identity->version, maker, site);
    kit_x_hallmark(role, text);
}

static struct hm_targets *new_role(void)
{
    struct hm_targets *role = NULL;

    OK(hm_targets_new(NULL, &role));
    role->document.version = 1;
    role->document.expires_unix_s = INT64_C(4102444800);
    return role;
}

static void make_identity(struct kit_site *site)
{
    static const enum kit_key keys[] = {KIT_ACME1, KIT_ACME2};
    _hm_done_(hm_buf_done) struct hm_buf first = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf second = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    _hm_free_(hm_identity_free) struct hm_identity *one = NULL;

    kit_identity("acme", 1, keys, 1, 1, keys, 1, &first);
    kit_identity("acme", 2, keys, 2, 2, keys, 2, &second);
    OK(hm_identity_verify_first(hm_buf_bytes(&first), NULL, &one));
    OK(hm_identity_verify_next(one, hm_buf_bytes(&second), NULL, &site->identity));
}

void kit_site_init(struct kit_site *site)
{
    static const enum kit_key release[] = {KIT_RELEASE};
    static const enum kit_key recall[] = {KIT_RECALL};
    static const enum kit_key acme[] = {KIT_ACME1, KIT_ACME2};
    static const char *const files[] = {"acme/nic/1.0/boot.rom", "acme/nic/1.0/readme.txt",
                                        "acme/nic/2.0/boot.rom"};

    *site = (struct kit_site){.site = "globex", .list_count = 2};
    site->root = make_root("{\"site\":\"globex\"}");
    make_identity(site);
    site->list[0] = (struct hm_layout_maker){
        .id = "acme",
        .name = "Acme Networks",
        .identity_version = site->identity->version,
        .identity_sha256 = site->identity->sha256,
        .identity_length = site->identity->length,
        .identity_first = site->identity->first,
    };
    site->list[1] =
        (struct hm_layout_maker){.id = "bolt", .name = "Bolt Disks", .is_attested = true};
    site->targets = new_role();
    delegate(site->targets, "recalls~vendor", recall, 1, 1, "recalls/vendor/*");
    delegate(site->targets, "release~acme", release, 1, 1, "acme/*/*/*");
    delegate(site->targets, "release~bolt", release, 1, 1, "bolt/*/*/*");
    site->makers = new_role();
    delegate(site->makers, "maker~acme", acme, 2, 2, "acme/*/*/*");
    delegate(site->makers, "recalls~acme", acme, 1, 1, "recalls/acme/*");
    site->release = new_role();
    kit_x_hallmark(site->release, "{\"site\":\"globex\"}");
    site->maker_role = new_role();
    kit_maker_statement(site->maker_role, "globex", "acme", site->identity);
    for (size_t i = 0; i < HM_ARRAY_COUNT(files); i++) {
        kit_put(site->release, files[i], 100 + i, (char)('a' + i), "{\"title\":\"Boot\"}");
        kit_put(site->maker_role, files[i], 100 + i, (char)('a' + i), "{\"title\":\"Boot\"}");
    }
}

void kit_site_done(struct kit_site *site)
{
    hm_layout_free(site->layout);
    hm_root_free(site->root);
    hm_targets_free(site->targets);
    hm_targets_free(site->makers);
    hm_targets_free(site->release);
    hm_targets_free(site->maker_role);
    hm_identity_free(site->identity);
}

enum hm_rc kit_layout(struct kit_site *site, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(1 << 20);
    struct hm_layout parts = {
        .site = site->site,
        .makers = site->list,
        .maker_count = site->list_count,
        .delegations = site->makers->delegations,
    };

    OK(hm_layout_write(&parts, NULL, &json));
    OK(hm_targets_set_x_hallmark(site->targets, hm_buf_bytes(&json), NULL));
    hm_layout_free(site->layout);
    site->layout = NULL;
    return hm_layout_parse(site->root, site->targets, "globex", err, &site->layout);
}
