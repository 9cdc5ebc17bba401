/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of a site share (site_world.h). */
#include "site_world.h"

#include <ftw.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "site/init.h"
#include "trust/verdict.h"
#include "tuf/client.h"

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

int world_setup_empty(void **state)
{
    const char *base = getenv("TMPDIR");
    struct world *world = calloc(1, sizeof(*world));

    if (world == NULL)
        return -1;
    (void)snprintf(world->dir, sizeof(world->dir), "%s/hallmark-site-XXXXXX",
                   base == NULL ? "/tmp" : base);
    if (mkdtemp(world->dir) == NULL)
        return -1;
    (void)snprintf(world->site, sizeof(world->site), "%s/site", world->dir);
    (void)snprintf(world->client, sizeof(world->client), "%s/client", world->dir);
    world->now = WORLD_NOW;
    world->report = (struct hm_buf)HM_BUF_INIT(HM_SITE_REPORT_SIZE_MAX);
    *state = world;
    return 0;
}

int world_setup(void **state)
{
    struct hm_init_options options = HM_INIT_OPTIONS_INIT;
    struct world *world;
    enum hm_rc rc;

    if (world_setup_empty(state) != 0)
        return -1;
    world = *state;
    options.path = world->site;
    options.name = "demo";
    options.url = "https://localhost/";
    options.trial = true;
    rc = hm_init_run(&options, world->now, &world->err, &world->report);
    hm_init_options_done(&options);
    if (rc != HM_OK || world_publish(world, NULL) != HM_OK) {
        print_error("%s\n", world->err.text);
        return -1;
    }
    return 0;
}

int world_teardown(void **state)
{
    struct world *world = *state;
    int result = nftw(world->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);

    hm_buf_done(&world->report);
    free(world);
    return result;
}

struct hm_site *world_open(struct world *world, enum hm_site_access access)
{
    struct hm_site *site = NULL;

    assert_rc(HM_OK, hm_site_open(world->site, access, 0, world->now, &world->err, &site));
    return site;
}

enum hm_rc world_publish(struct world *world, size_t *ret_count)
{
    struct hm_publish_result result = HM_PUBLISH_RESULT_INIT;
    struct hm_site *site = NULL;
    enum hm_rc rc;

    rc = hm_site_open(world->site, HM_SITE_CHANGE, 0, world->now, &world->err, &site);
    if (rc == HM_OK)
        rc = hm_publish_run(site, HM_PUBLISH_DRAFTS, &world->err, &result);
    if (rc == HM_OK && ret_count != NULL)
        *ret_count = result.count;
    hm_buf_clear(&world->report);
    if (rc == HM_OK)
        assert_int_equal(hm_publish_describe(&result, &world->err, &world->report), HM_OK);
    hm_publish_result_done(&result);
    hm_site_free(site);
    return rc;
}

void world_sign_with(struct world *world, const char *role, struct hm_signer *signer)
{
    struct hm_site *site = world_open(world, HM_SITE_CHANGE);
    struct hm_signers signers = HM_SIGNERS_INIT;
    struct hm_roles *roles = NULL;
    uint32_t added;

    if (signer == NULL)
        assert_rc(HM_OK, hm_approvers_signers(&site->private_dir, HM_APPROVERS_TRIAL, &world->err,
                                              &signers));
    else
        signers.items[signers.count++] = signer;
    assert_rc(HM_OK, hm_roles_load(site, &world->err, &roles));
    assert_rc(HM_OK, hm_roles_sign(roles, role, &signers, &world->err, &added));
    hm_roles_free(roles);
    if (signer == NULL)
        hm_roles_signers_done(&signers);
    hm_site_free(site);
}

void world_sign(struct world *world, const char *role)
{
    world_sign_with(world, role, NULL);
}

static void path_of(const struct world *world, const char *path, char ret[1400])
{
    (void)snprintf(ret, 1400, "%s/%s", world->site, path);
}

bool world_has(struct world *world, const char *path)
{
    char whole[1400];

    path_of(world, path, whole);
    return access(whole, F_OK) == 0;
}

void world_read(struct world *world, const char *path, struct hm_buf *ret_buf)
{
    char whole[1400];

    path_of(world, path, whole);
    assert_rc(HM_OK, hm_file_read_path(whole, &world->err, ret_buf));
}

void world_write(struct world *world, const char *path, const char *text)
{
    char whole[1400];

    path_of(world, path, whole);
    assert_rc(HM_OK, hm_file_write_path(whole, 0644, hm_bytes_str(text), &world->err));
}

void world_copy(const char *from, const char *to)
{
    pid_t child = fork();
    int status = 0;

    assert_true(child >= 0);
    if (child == 0) {
        (void)execlp("cp", "cp", "-a", from, to, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* The client */

static enum hm_rc get(void *ctx, const char *name, struct hm_err *err, struct hm_buf *ret_buf)
{
    struct world *world = ctx;
    char path[1400];
    enum hm_rc rc;

    (void)snprintf(path, sizeof(path), "%s/public/metadata/%s", world->site, name);
    rc = hm_file_read_path(path, err, ret_buf);
    return rc == HM_EINPUT ? HM_ENOTFOUND : rc;
}

struct client {
    struct hm_dir dir;
    struct hm_client_source source;
    struct hm_client *client;
};

static enum hm_rc client_open(struct world *world, struct client *client)
{
    struct hm_client_config config = {.dir = &client->dir,
                                      .source = &client->source,
                                      .now_unix_s = world->now,
                                      .require_hashes = true};
    struct hm_buf root = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);
    bool is_new = access(world->client, F_OK) != 0;

    client->dir = (struct hm_dir)HM_DIR_INIT;
    client->client = NULL;
    client->source = (struct hm_client_source){.get = get, .ctx = world};
    assert_rc(HM_OK, hm_dir_make(world->client, 0755, &world->err, &client->dir));
    if (is_new) {
        world_read(world, "public/metadata/1.root.json", &root);
        assert_rc(HM_OK, hm_client_init(&client->dir, hm_buf_bytes(&root), &world->err));
        hm_buf_done(&root);
    }
    return hm_client_open(&config, &world->err, &client->client);
}

static void client_close(struct client *client)
{
    hm_client_free(client->client);
    hm_dir_done(&client->dir);
}

enum hm_rc world_refresh(struct world *world)
{
    struct client client;
    enum hm_rc rc = client_open(world, &client);

    if (rc == HM_OK)
        rc = hm_client_refresh(client.client, &world->err);
    client_close(&client);
    return rc;
}

static enum hm_rc verdict(struct world *world, struct hm_client *client, struct hm_site *site,
                          const char *path)
{
    struct hm_layout *layout = NULL;
    struct hm_chain *chain = NULL;
    const struct hm_layout_maker *maker;
    const struct hm_targets *release = NULL, *made = NULL;
    const struct hm_memory nothing = {.is_known = false};
    struct hm_release_file file;
    enum hm_grade grade = HM_GRADE_NONE;
    struct hm_path parts;
    char role[HM_LAYOUT_ROLE_SIZE_MAX];
    enum hm_rc rc;

    assert_rc(HM_OK, hm_layout_parse_path(hm_bytes_str(path), &world->err, &parts));
    assert_rc(HM_OK, hm_layout_parse(hm_client_root(client), hm_client_targets(client), "demo",
                                     &world->err, &layout));
    maker = hm_layout_find(layout, parts.id);
    rc = maker == NULL ? HM_EUNKNOWN : HM_OK;
    if (rc == HM_OK) {
        hm_layout_release_role(parts.id, role);
        rc = hm_client_role(
            client,
            hm_targets_find_role(&hm_client_targets(client)->delegations, hm_bytes_str(role)),
            &world->err, &release);
    }
    if (rc == HM_OK && !maker->is_attested) {
        hm_layout_maker_role(parts.id, role);
        rc = hm_client_role(client, hm_targets_find_role(&layout->delegations, hm_bytes_str(role)),
                            &world->err, &made);
        if (rc == HM_OK)
            rc = hm_chain_load(site, maker->id, maker->identity_version, &world->err, &chain);
    }
    if (rc == HM_OK)
        rc = hm_verdict_maker(layout, maker, chain == NULL ? NULL : chain->identity, &nothing,
                              HM_GRADE_ATTESTED, &world->err, &grade);
    if (rc == HM_OK)
        rc = hm_verdict_path(layout, maker, grade, release, made, hm_bytes_str(path), &world->err,
                             &file);
    hm_chain_free(chain);
    hm_layout_free(layout);
    return rc;
}

enum hm_rc world_verdict(struct world *world, const char *path)
{
    struct hm_site *site = world_open(world, HM_SITE_READ);
    struct client client;
    enum hm_rc rc = client_open(world, &client);

    if (rc == HM_OK)
        rc = hm_client_refresh(client.client, &world->err);
    if (rc == HM_OK)
        rc = verdict(world, client.client, site, path);
    client_close(&client);
    hm_site_free(site);
    return rc;
}

int64_t world_client_version(struct world *world, const char *role)
{
    const struct hm_snapshot_meta *meta;
    struct client client;
    int64_t version = 0;

    assert_rc(HM_OK, client_open(world, &client));
    assert_rc(HM_OK, hm_client_load(client.client, &world->err));
    if (strcmp(role, "root") == 0) {
        version = hm_client_root(client.client)->document.version;
    } else if (strcmp(role, "timestamp") == 0) {
        version = hm_client_timestamp(client.client)->document.version;
    } else {
        meta = hm_snapshot_find(hm_client_snapshot(client.client), hm_bytes_str(role));
        version = meta == NULL ? 0 : meta->version;
    }
    client_close(&client);
    return version;
}

/* Makers */

static void sign(struct hm_bytes canonical, struct hm_signer *const *signers, size_t count,
                 struct hm_buf *ret_raw)
{
    struct hm_signature signatures[WORLD_MAKER_KEYS_MAX];
    char hex[WORLD_MAKER_KEYS_MAX][2 * HM_KEY_SIGNATURE_SIZE_MAX + 1];

    for (size_t i = 0; i < count; i++) {
        struct hm_buf raw = HM_BUF_INIT(HM_KEY_SIGNATURE_SIZE_MAX);

        assert_int_equal(hm_signer_sign(signers[i], canonical, NULL, &raw), HM_OK);
        hm_text_hex(hm_buf_bytes(&raw), hex[i]);
        signatures[i] =
            (struct hm_signature){.keyid = hm_bytes_str(hm_key_id(hm_signer_key(signers[i]))),
                                  .hex = hm_bytes_str(hex[i])};
        hm_buf_done(&raw);
    }
    assert_int_equal(hm_envelope_write(canonical, signatures, count, NULL, ret_raw), HM_OK);
}

void maker_rotate(struct maker *maker)
{
    size_t version = maker->identity_count + 1;
    struct hm_buf canonical = HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    const struct hm_key *key;

    assert_true(version <= WORLD_MAKER_KEYS_MAX);
    assert_int_equal(hm_signer_generate("ed25519", NULL, &maker->keys[version - 1]), HM_OK);
    key = hm_signer_key(maker->keys[version - 1]);
    assert_int_equal(
        hm_identity_write(maker->id, "Acme Chips", (int64_t)version, &key, 1, 1, NULL, &canonical),
        HM_OK);
    maker->identities[version - 1] = (struct hm_buf)HM_BUF_INIT(HM_IDENTITY_SIZE_MAX);
    sign(hm_buf_bytes(&canonical), version == 1 ? &maker->keys[0] : &maker->keys[version - 2],
         version == 1 ? 1 : 2, &maker->identities[version - 1]);
    hm_buf_done(&canonical);
    maker->identity_count = version;
}

void maker_init(struct maker *maker, const char *id)
{
    *maker = (struct maker){.id = id, .site = "demo", .expires = WORLD_NOW + 900 * HM_TIME_DAY_S};
    maker_rotate(maker);
    assert_int_equal(hm_targets_new(NULL, &maker->content), HM_OK);
}

void maker_done(struct maker *maker)
{
    for (size_t i = 0; i < maker->identity_count; i++) {
        hm_signer_free(maker->keys[i]);
        hm_buf_done(&maker->identities[i]);
    }
    hm_targets_free(maker->content);
}

void maker_put(struct maker *maker, const char *path, const char *text, const char *custom)
{
    struct hm_target target = {.path = hm_bytes_str(path),
                               .facts = {.has_length = true, .length = strlen(text)},
                               .custom = custom == NULL ? HM_BYTES_EMPTY : hm_bytes_str(custom)};

    assert_true(maker->image_count < WORLD_MAX);
    target.facts.has_sha256 = true;
    assert_int_equal(hm_digest_sha256(hm_bytes_str(text), NULL, &target.facts.sha256), HM_OK);
    assert_int_equal(hm_targets_put(maker->content, &target, NULL), HM_OK);
    (void)snprintf(maker->images[maker->image_count].path, sizeof(maker->images[0].path), "%s",
                   path);
    (void)snprintf(maker->images[maker->image_count++].text, sizeof(maker->images[0].text), "%s",
                   text);
}

static void sign_content(struct maker *maker, struct hm_buf *ret_raw)
{
    struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    const struct hm_buf *newest = &maker->identities[maker->identity_count - 1];
    size_t signer = maker->signer == 0 ? maker->identity_count : maker->signer;
    char hex[HM_SHA256_HEX_SIZE], x_hallmark[512];
    struct hm_sha256 sha256;

    assert_int_equal(hm_digest_sha256(hm_buf_bytes(newest), NULL, &sha256), HM_OK);
    hm_text_hex(hm_bytes_make(sha256.bytes, sizeof(sha256.bytes)), hex);
    (void)snprintf(x_hallmark, sizeof(x_hallmark),
                   "{\"identity\":{\"sha256\":\"%s\",\"version\":%zu},\"maker\":\"%s\",\"site\":\""
                   "%s\"}",
                   hex, maker->identity_count, maker->id, maker->site);
    maker->content->document.version = ++maker->version;
    maker->content->document.expires_unix_s = maker->expires;
    assert_int_equal(hm_targets_set_x_hallmark(maker->content, hm_bytes_str(x_hallmark), NULL),
                     HM_OK);
    assert_int_equal(hm_targets_write(maker->content, NULL, &canonical), HM_OK);
    sign(hm_buf_bytes(&canonical), &maker->keys[signer - 1], 1, ret_raw);
    hm_buf_done(&canonical);
}

static enum hm_rc write_to_buf(void *ctx, struct hm_bytes bytes, struct hm_err *err)
{
    return hm_buf_append(ctx, bytes, err);
}

static int compare_images(const void *a, const void *b)
{
    return strcmp(a, b); /* path stands first */
}

static void write_submission(struct maker *maker, struct world *world, const char *name,
                             struct hm_bytes maker_raw, size_t skip, size_t count)
{
    struct hm_buf archive = HM_BUF_INIT(1 << 24);
    struct hm_bytes identities[WORLD_MAKER_KEYS_MAX];
    struct hm_ustar_writer writer;
    char path[700];

    for (size_t i = 0; i < maker->identity_count; i++)
        identities[i] = hm_buf_bytes(&maker->identities[i]);
    qsort(maker->images + skip, count - skip, sizeof(maker->images[0]), compare_images);
    hm_ustar_writer_init(&writer, write_to_buf, &archive);
    assert_rc(HM_OK, hm_submission_write_head(&writer, maker->site, maker->id, identities,
                                              maker->identity_count, maker_raw,
                                              (uint32_t)(count - skip), &world->err));
    for (size_t i = skip; i < count; i++) {
        (void)snprintf(path, sizeof(path), "images/%s", maker->images[i].path);
        if (maker->tamper)
            maker->images[i].text[0] ^= 1;
        assert_rc(HM_OK, hm_ustar_writer_add(&writer, path, hm_bytes_str(maker->images[i].text),
                                             &world->err));
    }
    assert_rc(HM_OK, hm_ustar_writer_end(&writer, &world->err));
    (void)snprintf(path, sizeof(path), "%s/%s", world->dir, name);
    assert_rc(HM_OK, hm_file_write_path(path, 0644, hm_buf_bytes(&archive), &world->err));
    hm_buf_done(&archive);
}

void maker_submit(struct maker *maker, struct world *world, const char *name)
{
    struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);

    sign_content(maker, &raw);
    write_submission(maker, world, name, hm_buf_bytes(&raw), maker->image_skip, maker->image_count);
    hm_buf_done(&raw);
    maker->image_count = maker->image_skip = 0;
    maker->tamper = false;
}

void maker_submit_identity(struct maker *maker, struct world *world, const char *name)
{
    write_submission(maker, world, name, HM_BYTES_EMPTY, 0, 0);
}

/* The site's side */

enum hm_rc world_enrol_only(struct world *world, struct maker *maker)
{
    struct hm_submission *submission = NULL;
    struct hm_enrol_options options = {.id = maker->id};
    struct hm_site *site = world_open(world, HM_SITE_CHANGE);
    char path[700];
    bool drafted;
    enum hm_rc rc;

    maker_submit_identity(maker, world, "identity.submission");
    (void)snprintf(path, sizeof(path), "%s/identity.submission", world->dir);
    rc = hm_intake_read_head(site, path, &world->err, &submission);
    if (rc == HM_OK) {
        options.identity = submission->identity;
        options.identities = submission->identities;
        options.identity_count = submission->identity_count;
        rc = hm_enrol_run(site, &options, &world->err, &world->report, &drafted);
    }
    hm_submission_free(submission);
    hm_site_free(site);
    return rc;
}

void world_enrol(struct world *world, struct maker *maker)
{
    size_t count;

    assert_rc(HM_OK, world_enrol_only(world, maker));
    world_sign(world, "targets");
    assert_rc(HM_OK, world_publish(world, &count));
    assert_int_equal(count, 3);
}

enum hm_rc world_intake(struct world *world, const char *name, struct hm_intake_result *ret_result)
{
    struct hm_site *site = world_open(world, HM_SITE_CHANGE);
    struct hm_intake_result ignored;
    char path[700];
    enum hm_rc rc;

    (void)snprintf(path, sizeof(path), "%s/%s", world->dir, name);
    hm_buf_clear(&world->report);
    rc = hm_intake_submission(site, path, &world->err, &world->report,
                              ret_result == NULL ? &ignored : ret_result);
    hm_site_free(site);
    return rc;
}

enum hm_rc world_approve(struct world *world)
{
    struct hm_approval approval = HM_APPROVAL_INIT;
    struct hm_site *site = world_open(world, HM_SITE_CHANGE);
    enum hm_rc rc = hm_approval_run(site, NULL, 0, &world->err, &world->report, &approval);

    hm_site_free(site);
    for (size_t i = 0; rc == HM_OK && i < approval.role_count; i++)
        world_sign(world, approval.roles[i]);
    hm_approval_done(&approval);
    return rc;
}
