/* SPDX-License-Identifier: Apache-2.0 */
/* A published site in a temporary folder (customer_kit.h): whatever goes wrong here aborts. */
#include "customer_kit.h"

#include "base/file.h"
#include "base/text.h"
#include "trust/partition.h"
#include "tuf/snapshot.h"
#include "tuf/timestamp.h"

#define OK(expression) HM_ASSERT((expression) == HM_OK)
#define EXPIRES        INT64_C(4102444800)
#define SIZE_MAX_      ((size_t)1 << 20)

void kit_write(const struct kit_tree *tree, const char *path, const char *content)
{
    OK(hm_file_replace(&tree->dir, path, 0644, hm_bytes_str(content), NULL));
}

void kit_read(const struct kit_tree *tree, const char *path, struct hm_buf *ret)
{
    OK(hm_dir_read(&tree->dir, path, NULL, ret));
}

void kit_tree_image_path(const char *path, const char *content, char ret[256])
{
    const char *name = strrchr(path, '/') + 1;
    char hex[HM_SHA256_HEX_SIZE];
    struct hm_sha256 sha256;

    OK(hm_digest_sha256(hm_bytes_str(content), NULL, &sha256));
    hm_text_hex(hm_bytes_make(sha256.bytes, HM_SHA256_SIZE), hex);
    (void)snprintf(ret, 256, "public/targets/%.*s%s.%s", (int)(name - path), path, hex, name);
}

void kit_tree_image(struct kit_tree *tree, const char *path, const char *content, bool is_both)
{
    struct hm_target target = {
        .path = hm_bytes_str(path),
        .facts = {.has_length = true, .length = strlen(content), .has_sha256 = true},
    };
    char served[256];

    OK(hm_digest_sha256(hm_bytes_str(content), NULL, &target.facts.sha256));
    OK(hm_targets_put(tree->site.release, &target, NULL));
    if (is_both)
        OK(hm_targets_put(tree->site.maker_role, &target, NULL));
    kit_tree_image_path(path, content, served);
    kit_write(tree, served, content);
}

/* ---- products ------------------------------------------------------------------------------- */

static struct hm_targets *divide(struct hm_targets *above, const char *role, const char *product,
                                 const char *prefix, const char *pattern, const enum kit_key *keys,
                                 size_t count)
{
    _hm_done_(hm_buf_done) struct hm_buf statement = HM_BUF_INIT(4096);
    const struct hm_key *list[KIT_KEY_COUNT_];
    struct hm_targets *below = NULL;
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        list[i] = kit_key(keys[i]);
    OK(hm_targets_new(NULL, &below));
    below->document.expires_unix_s = EXPIRES;
    OK(hm_partition_statement(above, hm_bytes_str(product), NULL, &statement));
    OK(hm_targets_set_x_hallmark(below, hm_buf_bytes(&statement), NULL));
    for (size_t i = 0; i < above->target_count; i++) {
        if (hm_bytes_has_prefix(above->targets[i].path, hm_bytes_str(prefix)))
            OK(hm_targets_put(below, &above->targets[i], NULL));
        else
            above->targets[kept++] = above->targets[i];
    }
    above->target_count = kept;
    OK(hm_targets_delegate(above, role, list, count, (uint32_t)count, &pattern, 1, true, NULL));
    return below;
}

struct kit_product *kit_tree_divide(struct kit_tree *tree, const char *product, bool release,
                                    bool maker)
{
    static const enum kit_key release_keys[] = {KIT_RELEASE};
    static const enum kit_key acme[] = {KIT_ACME1, KIT_ACME2};
    struct kit_product *made = &tree->products[tree->product_count++];
    char role[64], prefix[64], pattern[64];

    HM_ASSERT(tree->product_count <= KIT_PRODUCT_COUNT_MAX);
    (void)snprintf(made->name, sizeof(made->name), "%s", product);
    (void)snprintf(prefix, sizeof(prefix), "acme/%s/", product);
    (void)snprintf(pattern, sizeof(pattern), "acme/%s/*/*", product);
    (void)snprintf(role, sizeof(role), "release~acme~%s", product);
    if (release)
        made->release = divide(tree->site.release, role, product, prefix, pattern, release_keys, 1);
    (void)snprintf(role, sizeof(role), "maker~acme~%s", product);
    if (maker)
        made->maker = divide(tree->site.maker_role, role, product, prefix, pattern, acme, 2);
    return made;
}

/* ---- publishing ------------------------------------------------------------------------------ */

static void write_document(const struct kit_tree *tree, const char *name, struct hm_bytes canonical,
                           const enum kit_key *keys, size_t count, struct hm_file_facts *facts)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(SIZE_MAX_);
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(256);

    kit_sign(canonical, keys, count, &raw);
    OK(hm_buf_append_str(&path, "public/metadata/", NULL));
    if (strcmp(name, "timestamp") != 0)
        OK(hm_buf_append_fmt(&path, NULL, "%lld.", (long long)tree->version));
    OK(hm_text_percent(&path, hm_bytes_str(name), NULL));
    OK(hm_buf_append_str(&path, ".json", NULL));
    OK(hm_file_replace(&tree->dir, hm_buf_str(&path), 0644, hm_buf_bytes(&raw), NULL));
    *facts = (struct hm_file_facts){.has_length = true, .length = raw.size, .has_sha256 = true};
    OK(hm_digest_sha256(hm_buf_bytes(&raw), NULL, &facts->sha256));
}

static void write_role(const struct kit_tree *tree, const char *name, struct hm_targets *role,
                       const enum kit_key *keys, size_t count, struct hm_snapshot *snapshot)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(SIZE_MAX_);
    struct hm_snapshot_meta meta = {.name = hm_bytes_str(name), .version = tree->version};

    role->document.version = tree->version;
    OK(hm_targets_write(role, NULL, &canonical));
    write_document(tree, name, hm_buf_bytes(&canonical), keys, count, &meta.facts);
    OK(hm_snapshot_put(snapshot, &meta, NULL));
}

void kit_tree_publish(struct kit_tree *tree)
{
    static const enum kit_key targets[] = {KIT_TARGETS};
    static const enum kit_key release[] = {KIT_RELEASE};
    static const enum kit_key acme[] = {KIT_ACME1, KIT_ACME2};
    static const enum kit_key online[] = {KIT_ONLINE};
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(SIZE_MAX_);
    _hm_free_(hm_snapshot_free) struct hm_snapshot *snapshot = NULL;
    struct hm_snapshot_meta meta = {.name = HM_BYTES_LITERAL("snapshot")};
    struct hm_document timestamp = {.expires_unix_s = EXPIRES};
    struct hm_file_facts facts;
    /* What is published may be what a client must refuse. */
    HM_UNUSED enum hm_rc bent = kit_layout(&tree->site, NULL);

    tree->version++;
    OK(hm_snapshot_new(NULL, &snapshot));
    snapshot->document.version = tree->version;
    snapshot->document.expires_unix_s = EXPIRES;
    write_role(tree, "targets", tree->site.targets, targets, 1, snapshot);
    write_role(tree, "release~acme", tree->site.release, release, 1, snapshot);
    if (!tree->omit_maker_role)
        write_role(tree, "maker~acme", tree->site.maker_role, acme, 2, snapshot);
    for (size_t i = 0; i < tree->product_count; i++) {
        const struct kit_product *product = &tree->products[i];
        char name[64];

        (void)snprintf(name, sizeof(name), "release~acme~%s", product->name);
        if (product->release != NULL)
            write_role(tree, name, product->release, release, 1, snapshot);
        (void)snprintf(name, sizeof(name), "maker~acme~%s", product->name);
        if (product->maker != NULL)
            write_role(tree, name, product->maker, acme, 2, snapshot);
    }
    OK(hm_snapshot_write(snapshot, NULL, &canonical));
    meta.version = tree->version;
    write_document(tree, "snapshot", hm_buf_bytes(&canonical), online, 1, &meta.facts);
    hm_buf_clear(&canonical);
    timestamp.version = tree->version;
    OK(hm_timestamp_write(&timestamp, &meta, NULL, &canonical));
    write_document(tree, "timestamp", hm_buf_bytes(&canonical), online, 1, &facts);
}

static void write_identities(const struct kit_tree *tree)
{
    static const enum kit_key keys[] = {KIT_ACME1, KIT_ACME2};
    _hm_done_(hm_buf_done) struct hm_buf first = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf second = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);

    /* Ed25519 signs the same bytes the same way: these are the ones that kit_site_init made. */
    kit_identity("acme", 1, keys, 1, 1, keys, 1, &first);
    kit_identity("acme", 2, keys, 2, 2, keys, 2, &second);
    OK(hm_file_replace(&tree->dir, "public/makers/acme/1.identity", 0644, hm_buf_bytes(&first),
                       NULL));
    OK(hm_file_replace(&tree->dir, "public/makers/acme/2.identity", 0644, hm_buf_bytes(&second),
                       NULL));
}

void kit_tree_init(struct kit_tree *tree)
{
    _hm_done_(hm_buf_done) struct hm_buf root = HM_BUF_INIT(SIZE_MAX_);
    _hm_done_(hm_buf_done) struct hm_buf trust = HM_BUF_INIT(SIZE_MAX_);
    struct hm_trust_file file = {.site = "globex", .floor = HM_GRADE_ATTESTED};
    char home[96];

    *tree = (struct kit_tree){
        .root = "/tmp/hallmark-test.XXXXXX", .dir = HM_DIR_INIT, .home = HM_HOME_INIT};
    HM_ASSERT(mkdtemp(tree->root) != NULL);
    OK(hm_dir_open(tree->root, NULL, &tree->dir));
    (void)snprintf(tree->url, sizeof(tree->url), "file://%s/public", tree->root);
    kit_site_init(&tree->site);
    tree->site.release->target_count = 0;
    tree->site.maker_role->target_count = 0;
    kit_tree_image(tree, "acme/nic/1.0/boot.rom", "boot one", true);
    kit_tree_image(tree, "acme/nic/1.0/readme.txt", "read me", true);
    kit_tree_image(tree, "acme/nic/2.0/boot.rom", "boot two", true);
    write_identities(tree);
    kit_root("{\"site\":\"globex\"}", &root);
    OK(hm_file_replace(&tree->dir, "public/metadata/1.root.json", 0644, hm_buf_bytes(&root), NULL));
    file.root = hm_buf_bytes(&root);
    OK(hm_trust_file_write(&file, NULL, &trust));
    OK(hm_file_replace(&tree->dir, "public/hallmark.trust", 0644, hm_buf_bytes(&trust), NULL));
    kit_tree_publish(tree);
    (void)snprintf(home, sizeof(home), "%s/home", tree->root);
    OK(hm_home_open(home, true, NULL, &tree->home));
}

void kit_tree_done(struct kit_tree *tree)
{
    static const char *const parts[] = {"public", "home", "mirror", "out"};

    for (size_t i = 0; i < tree->product_count; i++) {
        hm_targets_free(tree->products[i].release);
        hm_targets_free(tree->products[i].maker);
    }
    kit_site_done(&tree->site);
    hm_home_done(&tree->home);
    for (size_t i = 0; i < HM_ARRAY_COUNT(parts); i++)
        OK(hm_dir_remove_tree(&tree->dir, parts[i], NULL));
    hm_dir_done(&tree->dir);
    (void)rmdir(tree->root); /* a file that a failed test left shows where it was */
}

enum hm_rc kit_trust(struct kit_tree *tree, const struct hm_policy *policy, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf trust = HM_BUF_INIT(HM_TRUST_FILE_SIZE_MAX);
    _hm_free_(hm_subscription_free) struct hm_subscription *site = NULL;
    struct hm_policy plain = {.url = tree->url, .floor = HM_GRADE_ATTESTED};

    kit_read(tree, "public/hallmark.trust", &trust);
    return hm_subscription_add(&tree->home, "globex", hm_buf_bytes(&trust),
                               policy == NULL ? &plain : policy, KIT_NOW, err, &site);
}

struct hm_subscription *kit_open(struct kit_tree *tree, int64_t now_unix_s, bool is_online)
{
    struct hm_subscription *site = NULL;

    OK(hm_subscription_open(&tree->home, "globex", now_unix_s, is_online, NULL, &site));
    return site;
}
