/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A large site in little time, for tests and benchmarks: M makers with P products of T files each,
 * all documents signed by real keys through the library. Only the sample's content exists; of the
 * other files there are digests alone.
 *
 * usage: make_site DIR MAKERS PRODUCTS FILES
 *
 *   DIR/site                 a trial site "large": its keys are in private/keys
 *   DIR/maker                the folder of the first maker, to release more
 *   DIR/keys/m000.pem...     the makers' keys
 *
 * Prints one JSON object: site, trust file, maker's folder and key, sample target.
 */
#include <sys/stat.h>

#include "base/file.h"
#include "base/gzip.h"
#include "base/num.h"
#include "exchange/claim.h"
#include "exchange/parts.h"
#include "maker/folder.h"
#include "site/enrol.h"
#include "site/init.h"
#include "site/publish.h"

#define SITE       "large"
#define CONTENT    "firmware\n"
#define MAKERS_MAX 1000
#define COUNT_MAX  1000000
#define VALID_S    ((int64_t)300 * HM_TIME_DAY_S)

struct maker {
    char id[32];
    struct hm_signer *signer;
    struct hm_identity *identity;
    struct hm_bytes raw; /* its identity */
};

struct world {
    const char *dir;
    char site_path[1200], maker_path[1200];
    size_t maker_count, product_count, file_count;
    struct maker *makers;
    struct hm_sha256 digest; /* of CONTENT */
    int64_t now_unix_s;
    struct hm_site *site;
    struct hm_roles *roles;
    struct hm_signers signers; /* the site's, online ones too */
    struct hm_snapshot *snapshot;
    struct hm_folder *folder; /* of the first maker */
    struct hm_arena arena;
    struct hm_buf report;
};

static void world_done(struct world *world)
{
    for (size_t i = 0; i < world->maker_count; i++) {
        hm_signer_free(world->makers[i].signer);
        hm_identity_free(world->makers[i].identity);
    }
    hm_folder_free(world->folder);
    hm_snapshot_free(world->snapshot);
    hm_roles_free(world->roles);
    hm_roles_signers_done(&world->signers);
    hm_site_free(world->site);
    hm_buf_done(&world->report);
    hm_arena_done(&world->arena);
}

/* ---- the site, and its makers ---------------------------------------------------------------- */

static enum hm_rc make_site(struct world *world, struct hm_err *err)
{
    _hm_done_(hm_init_options_done) struct hm_init_options options = HM_INIT_OPTIONS_INIT;

    options.path = world->site_path;
    options.name = SITE;
    options.url = "https://firmware.example/";
    options.trial = true;
    return hm_init_run(&options, world->now_unix_s, err, &world->report);
}

static enum hm_rc open_site(struct world *world, struct hm_err *err)
{
    hm_roles_free(world->roles);
    hm_site_free(world->site);
    world->roles = NULL;
    world->site = NULL;
    HM_TRY(hm_site_open(world->site_path, HM_SITE_CHANGE, 0, world->now_unix_s, err, &world->site));
    if (world->signers.count == 0)
        HM_TRY(hm_approvers_signers(&world->site->private_dir, false, err, &world->signers));
    return hm_roles_load(world->site, err, &world->roles);
}

static enum hm_rc publish(struct world *world, struct hm_err *err)
{
    _hm_done_(hm_publish_result_done) struct hm_publish_result result = HM_PUBLISH_RESULT_INIT;

    return hm_publish_run(world->site, HM_PUBLISH_DRAFTS, err, &result);
}

/* keys/ID.pem, and an identity of that key. */
static enum hm_rc make_maker(struct world *world, size_t index, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    _hm_done_(hm_secret_done) struct hm_secret pem = HM_SECRET_INIT;
    struct maker *maker = &world->makers[index];
    struct hm_identity_unsigned draft = {NULL};
    _hm_free_(hm_envelope_free) struct hm_envelope *envelope = NULL;
    _hm_done_(hm_buf_done) struct hm_buf unsigned_raw = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    const struct hm_key *key;
    const struct hm_role_keys *groups[1];
    struct hm_signers signers = {.count = 1};
    static char path[1200];
    enum hm_rc rc;

    (void)snprintf(maker->id, sizeof(maker->id), "m%03zu", index);
    HM_TRY(hm_signer_generate("ed25519", err, &maker->signer));
    HM_TRY(hm_signer_write(maker->signer, NULL, err, &pem));
    (void)snprintf(path, sizeof(path), "%s/keys/%s.pem", world->dir, maker->id);
    HM_TRY(hm_file_write_path(path, 0600, hm_bytes_make(pem.data, pem.size), err));
    key = hm_signer_key(maker->signer);
    HM_TRY(hm_identity_write(maker->id, "Large Maker", 1, &key, 1, 1, err, &canonical));
    HM_TRY(hm_envelope_write(hm_buf_bytes(&canonical), NULL, 0, err, &unsigned_raw));
    HM_TRY(hm_envelope_parse(hm_buf_bytes(&unsigned_raw), err, &envelope));
    HM_TRY(hm_identity_read_unsigned(hm_envelope_unsigned(envelope), err, &draft));
    groups[0] = &draft.content->keys;
    signers.items[0] = maker->signer;
    rc = hm_approvers_sign(&signers, "identity", hm_buf_bytes(&canonical), groups, 1, err, &raw);
    hm_identity_free(draft.content);
    HM_TRY(rc);
    HM_TRY(hm_arena_copy(&world->arena, hm_buf_bytes(&raw), err, &maker->raw));
    return hm_identity_verify_first(maker->raw, err, &maker->identity);
}

static enum hm_rc enrol_all(struct world *world, struct hm_err *err)
{
    uint32_t added;
    char role[HM_LAYOUT_ROLE_SIZE_MAX];

    for (size_t i = 0; i < world->maker_count; i++) {
        const struct maker *maker = &world->makers[i];
        struct hm_enrol_options options = {.id = maker->id,
                                           .identity = maker->identity,
                                           .identities = &maker->raw,
                                           .identity_count = 1};
        bool drafted;

        HM_TRY(hm_enrol_run(world->site, &options, err, &world->report, &drafted));
    }
    HM_TRY(open_site(world, err));
    HM_TRY(hm_roles_sign(world->roles, "targets", &world->signers, err, &added));
    for (size_t i = 0; i < world->maker_count; i++) {
        hm_layout_release_role(hm_bytes_str(world->makers[i].id), role);
        HM_TRY(hm_roles_sign(world->roles, role, &world->signers, err, &added));
    }
    return publish(world, err);
}

/* ---- documents ------------------------------------------------------------------------------- */

/* metadata/N.ROLE.json with its copy, and the snapshot's entry. */
static enum hm_rc place(struct world *world, const char *role, int64_t version, struct hm_bytes raw,
                        struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(1024);
    _hm_done_(hm_buf_done) struct hm_buf packed = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX + 65536);
    struct hm_snapshot_meta meta = {.name = hm_bytes_str(role), .version = version};

    HM_TRY(hm_tree_file_name(role, version, err, &name));
    HM_TRY(hm_file_replace(&world->site->public_dir, hm_buf_str(&name), 0644, raw, err));
    HM_TRY(hm_gzip_compress(raw, err, &packed));
    HM_TRY(hm_buf_append_str(&name, ".gz", err));
    HM_TRY(hm_file_replace(&world->site->public_dir, hm_buf_str(&name), 0644, hm_buf_bytes(&packed),
                           err));
    if (world->snapshot == NULL)
        return HM_OK;
    meta.facts.has_length = meta.facts.has_sha256 = true;
    meta.facts.length = raw.size;
    HM_TRY(hm_digest_sha256(raw, err, &meta.facts.sha256));
    return hm_snapshot_put(world->snapshot, &meta, err);
}

static enum hm_rc no_base(void *ctx, const char *role, struct hm_err *err,
                          struct hm_targets **ret_targets)
{
    return hm_fail(err, HM_EINTERNAL, "'%s': all parts are new", role);
}

static enum hm_rc list_files(const struct world *world, const struct maker *maker,
                             struct hm_parts *parts, struct hm_err *err)
{
    struct hm_target target = {.facts = {.has_length = true,
                                         .length = strlen(CONTENT),
                                         .has_sha256 = true,
                                         .sha256 = world->digest}};
    struct hm_targets *flat = parts->items[0].next;
    char path[128], custom[128];

    for (size_t p = 0; p < world->product_count; p++)
        for (size_t f = 0; f < world->file_count; f++) {
            (void)snprintf(path, sizeof(path), "%s/p%04zu/1.%06zu/fw.bin", maker->id, p, f);
            (void)snprintf(custom, sizeof(custom),
                           "{\"label\":\"1.%zu\",\"title\":\"Product %zu\"}", f, p);
            target.path = hm_bytes_str(path);
            /* As many digests as files: the same one over and over would compress to nothing. */
            if (maker != &world->makers[0] || p > 0 || f > 0)
                HM_TRY(hm_digest_sha256(target.path, err, &target.facts.sha256));
            target.custom = hm_bytes_str(custom);
            HM_TRY(hm_targets_put(flat, &target, err)); /* in order: it is appended */
        }
    return hm_parts_divide(parts, err);
}

/* What is said beside the files, the signatures, the place. */
static enum hm_rc finish_item(struct world *world, struct hm_parts_item *item,
                              struct hm_claim *claim, const struct hm_signers *signers,
                              const struct hm_role_keys *keys, struct hm_err *err,
                              struct hm_buf *ret_raw)
{
    _hm_done_(hm_buf_done) struct hm_buf json = HM_BUF_INIT(4096);
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    int64_t version = hm_tree_version(world->roles->tree, item->role) + 1;

    claim->product = item->product;
    HM_TRY(hm_claim_write(claim, err, &json));
    item->next->document.version = version;
    item->next->document.expires_unix_s = world->now_unix_s + VALID_S;
    HM_TRY(hm_targets_set_x_hallmark(item->next, hm_buf_bytes(&json), err));
    HM_TRY(hm_targets_write(item->next, err, &canonical));
    HM_TRY(
        hm_approvers_sign(signers, item->role, hm_buf_bytes(&canonical), &keys, 1, err, ret_raw));
    return place(world, item->role, version, hm_buf_bytes(ret_raw), err);
}

static enum hm_rc make_side(struct world *world, const struct maker *maker, const char *above,
                            struct hm_claim *claim, const struct hm_signers *signers,
                            const struct hm_role_keys *keys, struct hm_err *err)
{
    _hm_done_(hm_parts_done) struct hm_parts parts = HM_PARTS_INIT;
    struct hm_targets *content = NULL;
    bool is_kept = world->folder != NULL && strcmp(world->folder->role, above) == 0;

    HM_TRY(hm_targets_new(err, &content));
    HM_TRY(hm_parts_open(&parts, above, content, HM_PARTITION_FLAT_MAX, no_base, NULL, err));
    HM_TRY(list_files(world, maker, &parts, err));
    HM_TRY(hm_parts_seal(&parts, keys, err));
    for (size_t i = 0; i < parts.count; i++) {
        _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
        struct hm_parts_item *item = &parts.items[i];

        HM_TRY(finish_item(world, item, claim, signers, keys, err, &raw));
        if (is_kept)
            HM_TRY(hm_folder_product_keep(world->folder, SITE, item->product,
                                          item->next->document.version, hm_buf_bytes(&raw), err));
    }
    return HM_OK;
}

static enum hm_rc make_documents(struct world *world, const struct maker *maker, struct hm_err *err)
{
    struct hm_signers own = {.items = {maker->signer}, .count = 1};
    struct hm_claim release = {.site = SITE};
    struct hm_claim made = {.site = SITE,
                            .maker = maker->id,
                            .identity_version = 1,
                            .identity_sha256 = maker->identity->sha256};
    const struct hm_tree *tree = world->roles->tree;
    char role[HM_LAYOUT_ROLE_SIZE_MAX];

    hm_layout_release_role(hm_bytes_str(maker->id), role);
    HM_TRY(make_side(world, maker, role, &release, &world->signers,
                     hm_tree_keys(NULL, tree->targets.targets, tree->layout, role), err));
    hm_layout_maker_role(hm_bytes_str(maker->id), role);
    return make_side(world, maker, role, &made, &own, &maker->identity->keys, err);
}

/* ---- the end --------------------------------------------------------------------------------- */

static enum hm_rc start_snapshot(struct world *world, struct hm_err *err)
{
    const struct hm_tree *tree = world->roles->tree;

    HM_TRY(hm_snapshot_new(err, &world->snapshot));
    for (size_t i = 0; i < tree->snapshot->meta_count; i++)
        HM_TRY(hm_snapshot_put(world->snapshot, &tree->snapshot->metas[i], err));
    world->snapshot->document.version = tree->snapshot->document.version + 1;
    world->snapshot->document.expires_unix_s = world->now_unix_s + 30 * HM_TIME_DAY_S;
    return HM_OK;
}

static enum hm_rc sign_online(const struct world *world, enum hm_root_role role,
                              struct hm_bytes canonical, struct hm_err *err, struct hm_buf *ret_raw)
{
    _hm_done_(hm_roles_signers_done) struct hm_signers online = HM_SIGNERS_INIT;
    const struct hm_role_keys *keys = &world->roles->tree->root->roles[role];

    HM_TRY(hm_approvers_signers(&world->site->private_dir, true, err, &online));
    return hm_approvers_sign(&online, "online", canonical, &keys, 1, err, ret_raw);
}

static enum hm_rc end_snapshot(struct world *world, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_SNAPSHOT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_SNAPSHOT_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf timestamp = HM_BUF_INIT(HM_DOCUMENT_TIMESTAMP_SIZE_MAX);
    _hm_free_(hm_snapshot_free) struct hm_snapshot *snapshot = hm_steal(&world->snapshot);
    struct hm_snapshot_meta meta = {.name = HM_BYTES_LITERAL("snapshot"),
                                    .version = snapshot->document.version};
    struct hm_document document = {.version = world->roles->tree->timestamp->document.version + 1,
                                   .expires_unix_s = world->now_unix_s + 7 * HM_TIME_DAY_S};

    HM_TRY(hm_snapshot_write(snapshot, err, &canonical));
    HM_TRY(sign_online(world, HM_ROOT_ROLE_SNAPSHOT, hm_buf_bytes(&canonical), err, &raw));
    HM_TRY(place(world, "snapshot", snapshot->document.version, hm_buf_bytes(&raw), err));
    meta.facts.has_length = meta.facts.has_sha256 = true;
    meta.facts.length = raw.size;
    HM_TRY(hm_digest_sha256(hm_buf_bytes(&raw), err, &meta.facts.sha256));
    hm_buf_clear(&canonical);
    HM_TRY(hm_timestamp_write(&document, &meta, err, &canonical));
    HM_TRY(sign_online(world, HM_ROOT_ROLE_TIMESTAMP, hm_buf_bytes(&canonical), err, &timestamp));
    HM_TRY(hm_file_replace(&world->site->private_dir, "published/timestamp.json", 0600,
                           hm_buf_bytes(&timestamp), err));
    return hm_file_replace(&world->site->public_dir, "metadata/timestamp.json", 0644,
                           hm_buf_bytes(&timestamp), err);
}

static enum hm_rc make_folder(struct world *world, struct hm_err *err)
{
    const struct maker *maker = &world->makers[0];

    HM_TRY(hm_folder_create(world->maker_path, maker->id, "Large Maker", err, &world->folder));
    HM_TRY(hm_file_replace(&world->folder->dir, "identity/1.identity", 0644, maker->raw, err));
    return hm_folder_load_chain(world->folder, err);
}

static enum hm_rc make_sample(const struct world *world, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(1024);

    HM_TRY(hm_tree_image_name(HM_BYTES_LITERAL("m000/p0000/1.000000/fw.bin"), &world->digest, err,
                              &name));
    return hm_file_replace(&world->site->public_dir, hm_buf_str(&name), 0644,
                           HM_BYTES_LITERAL(CONTENT), err);
}

static enum hm_rc run(struct world *world, struct hm_err *err)
{
    HM_TRY(hm_digest_sha256(HM_BYTES_LITERAL(CONTENT), err, &world->digest));
    HM_TRY(make_site(world, err));
    HM_TRY(open_site(world, err));
    HM_TRY(publish(world, err));
    for (size_t i = 0; i < world->maker_count; i++)
        HM_TRY(make_maker(world, i, err));
    HM_TRY(enrol_all(world, err));
    HM_TRY(open_site(world, err));
    HM_TRY(make_folder(world, err));
    HM_TRY(start_snapshot(world, err));
    for (size_t i = 0; i < world->maker_count; i++)
        HM_TRY(make_documents(world, &world->makers[i], err));
    HM_TRY(end_snapshot(world, err));
    return make_sample(world, err);
}

static bool take_count(const char *text, size_t max, size_t *ret_count)
{
    uint64_t value;

    if (hm_num_parse_u64(text, strlen(text), &value) != HM_OK || value == 0 || value > max)
        return false;
    *ret_count = (size_t)value;
    return true;
}

int main(int argc, char **argv)
{
    static struct world world = {.report = HM_BUF_INIT(HM_SITE_REPORT_SIZE_MAX)};
    struct hm_err err = HM_ERR_INIT;
    static char keys[1200];
    enum hm_rc rc;

    if (argc != 5 || strlen(argv[1]) > 1000 ||
        !take_count(argv[2], MAKERS_MAX, &world.maker_count) ||
        !take_count(argv[3], COUNT_MAX, &world.product_count) ||
        !take_count(argv[4], COUNT_MAX, &world.file_count)) {
        (void)fputs("usage: make_site DIR MAKERS PRODUCTS FILES\n", stderr);
        return 2;
    }
    world.dir = argv[1];
    (void)snprintf(world.site_path, sizeof(world.site_path), "%s/site", world.dir);
    (void)snprintf(world.maker_path, sizeof(world.maker_path), "%s/maker", world.dir);
    (void)snprintf(keys, sizeof(keys), "%s/keys", world.dir);
    (void)mkdir(world.dir, 0755); /* where that fails, so does the next */
    if (mkdir(keys, 0700) != 0) {
        (void)fprintf(stderr, "'%s' cannot be made\n", keys);
        return 1;
    }
    world.now_unix_s = hm_time_now_unix_s();
    world.makers = hm_arena_alloc(&world.arena, world.maker_count, sizeof(*world.makers));
    rc = world.makers == NULL ? hm_error_nomem(&err) : run(&world, &err);
    world_done(&world);
    if (rc != HM_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    (void)printf("{\"site\":\"%s/site\",\"trust\":\"%s/site/public/hallmark.trust\",\"maker\":"
                 "\"%s/maker\",\"key\":\"%s/keys/m000.pem\",\"target\":"
                 "\"m000/p0000/1.000000/fw.bin\"}\n",
                 world.dir, world.dir, world.dir, world.dir);
    return 0;
}
