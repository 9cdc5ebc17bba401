/* SPDX-License-Identifier: Apache-2.0 */
/* A client's refresh against a publish not committed yet (rehearsal.h). */
#include "site/rehearsal.h"

#include "trust/verdict.h"
#include "tuf/client.h"

#define HM_REHEARSAL_FOLDER "publish/check.tmp"

struct source {
    const struct hm_dir *public_dir;
    const struct hm_dir *next; /* NULL: only what is published */
    bool late;                 /* what comes last is there too */
};

/* A client asks by URL; what a server looks for is the decoded name. */
static enum hm_rc append_decoded(const char *name, struct hm_err *err, struct hm_buf *path)
{
    for (const char *at = name; *at != '\0'; at++) {
        uint8_t byte = (uint8_t)*at;

        if (*at == '%' && strlen(at) >= 3 &&
            hm_text_unhex(hm_bytes_make(at + 1, 2), &byte, 1) == HM_OK)
            at += 2;
        HM_TRY(hm_buf_append_byte(path, byte, err));
    }
    return HM_OK;
}

static enum hm_rc get(void *ctx, const char *name, struct hm_err *err, struct hm_buf *ret_buf)
{
    const struct source *source = ctx;
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(1024);

    if (source->next != NULL && strcmp(name, "timestamp.json") == 0 &&
        hm_dir_has(source->next, name))
        return hm_dir_read(source->next, name, err, ret_buf);
    HM_TRY(hm_buf_append_str(&path, "late/metadata/", err));
    HM_TRY(append_decoded(name, err, &path));
    if (source->next != NULL && source->late && hm_dir_has(source->next, hm_buf_str(&path)))
        return hm_dir_read(source->next, hm_buf_str(&path), err, ret_buf);
    hm_buf_clear(&path);
    HM_TRY(hm_buf_append_str(&path, "files/metadata/", err));
    HM_TRY(append_decoded(name, err, &path));
    if (source->next != NULL && hm_dir_has(source->next, hm_buf_str(&path)))
        return hm_dir_read(source->next, hm_buf_str(&path), err, ret_buf);
    return hm_dir_read(source->public_dir, hm_buf_str(&path) + strlen("files/"), err, ret_buf);
}

static void earlier(int64_t *time, const struct hm_document *document)
{
    if (document->expires_unix_s <= *time)
        *time = document->expires_unix_s - 1;
}

/* Now, or as late as what stays published was still valid: a site that lapsed must be able to
 * publish its way out. What is new is checked for expiry when it is planned. */
static int64_t judging_time(const struct hm_plan *plan)
{
    const struct hm_tree *tree = plan->roles->tree;
    int64_t time = plan->roles->site->now_unix_s;

    if (tree->root == NULL)
        return time;
    earlier(&time, &tree->root->document);
    earlier(&time, &tree->timestamp->document);
    earlier(&time, &tree->snapshot->document);
    earlier(&time, &tree->targets.targets->document);
    for (size_t i = 0; i < tree->document_count; i++)
        if (tree->documents[i].targets != NULL)
            earlier(&time, &tree->documents[i].targets->document);
    return time;
}

/* One refresh. The client, its source and its configuration live as long as this call's frame, so
 * what is to be looked at is done in judge. */
static enum hm_rc refresh(const struct hm_plan *plan, const struct hm_dir *dir,
                          const struct hm_dir *next, bool late,
                          enum hm_rc (*judge)(const struct hm_plan *plan, struct hm_client *client,
                                              const struct hm_dir *next, struct hm_err *err),
                          struct hm_err *err)
{
    _hm_free_(hm_client_free) struct hm_client *client = NULL;
    struct source source = {
        .public_dir = &plan->roles->site->public_dir, .next = next, .late = late};
    struct hm_client_source get_source = {.get = get, .ctx = &source};
    struct hm_client_config config = {.dir = dir,
                                      .source = &get_source,
                                      .now_unix_s = judging_time(plan),
                                      .require_hashes = true};

    HM_TRY(hm_client_open(&config, err, &client));
    HM_TRY(hm_client_refresh(client, err));
    return judge == NULL ? HM_OK : judge(plan, client, next, err);
}

/* The image lies where a client would ask for it, with the length that was signed. Its digest was
 * taken when the journal got it. */
static enum hm_rc judge_image(const struct hm_plan *plan, const struct hm_dir *next,
                              const struct hm_release_file *file, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(2048);
    const struct hm_dir *dir = next;
    const char *name;
    uint64_t size;
    int fd;

    HM_TRY(hm_buf_append_str(&path, "files/", err));
    HM_TRY(hm_tree_image_name(file->path.whole, &file->sha256, err, &path));
    name = hm_buf_str(&path);
    if (!hm_dir_has(dir, name)) {
        dir = &plan->roles->site->public_dir;
        name += strlen("files/");
    }
    HM_TRY(hm_dir_open_file(dir, name, err, &fd, &size));
    (void)close(fd); /* only its size was asked for */
    if (size != file->length)
        return hm_fail(err, HM_EMISMATCH, "'%s' has %llu bytes, signed were %llu", name,
                       (unsigned long long)size, (unsigned long long)file->length);
    return HM_OK;
}

struct judge {
    const struct hm_plan *plan;
    const struct hm_dir *next;
    struct hm_client *client;
    const struct hm_layout *layout;
    /* of the path judged last; paths come maker by maker, and product by product */
    const struct hm_layout_maker *maker;
    enum hm_grade grade;
    struct hm_bytes product;
    const struct hm_targets *release, *made;
};

/* release~ID or maker~ID as a client gets and judges it; *ret_targets NULL: the snapshot has none.
 */
static enum hm_rc get_above(const struct judge *judge, const char *name, struct hm_err *err,
                            const struct hm_targets **ret_targets)
{
    const struct hm_targets *top = hm_client_targets(judge->client);
    const struct hm_delegated_role *role =
        hm_targets_find_role(&top->delegations, hm_bytes_str(name));

    if (role == NULL)
        role = hm_targets_find_role(&judge->layout->delegations, hm_bytes_str(name));
    if (role == NULL)
        return hm_fail(err, HM_EUNKNOWN, "'targets' does not know '%s'", name);
    HM_TRY(hm_client_role(judge->client, role, err, ret_targets));
    return hm_partition_check(role, *ret_targets, err);
}

/* The document that speaks for a product. */
static enum hm_rc get_part(const struct judge *judge, const char *name, struct hm_bytes product,
                           struct hm_err *err, const struct hm_targets **ret_targets)
{
    const struct hm_delegated_role *role;

    HM_TRY(get_above(judge, name, err, ret_targets));
    role = hm_partition_find(hm_bytes_str(name), *ret_targets, product);
    if (role == NULL)
        return HM_OK;
    HM_TRY(hm_client_role(judge->client, role, err, ret_targets));
    return hm_partition_check_product(role->name, *ret_targets, err);
}

static enum hm_rc judge_maker(struct judge *judge, const char *id, struct hm_err *err)
{
    _hm_free_(hm_chain_free) struct hm_chain *chain = NULL;
    const struct hm_memory nothing = {.is_known = false};

    judge->product = HM_BYTES_EMPTY;
    judge->maker = hm_layout_find(judge->layout, hm_bytes_str(id));
    if (judge->maker == NULL)
        return hm_fail(err, HM_EUNKNOWN, "'targets' does not know maker '%s'", id);
    if (!judge->maker->is_attested)
        HM_TRY(hm_chain_load(judge->plan->roles->site, id, judge->maker->identity_version, err,
                             &chain));
    return hm_verdict_maker(judge->layout, judge->maker, chain == NULL ? NULL : chain->identity,
                            &nothing, HM_GRADE_ATTESTED, err, &judge->grade);
}

static enum hm_rc judge_product(struct judge *judge, struct hm_bytes product, struct hm_err *err)
{
    char name[HM_LAYOUT_ROLE_SIZE_MAX];

    hm_layout_release_role(hm_bytes_str(judge->maker->id), name);
    HM_TRY(get_part(judge, name, product, err, &judge->release));
    HM_TRY(hm_verdict_names(judge->maker, name, judge->release, err));
    judge->made = NULL;
    judge->product = product;
    if (judge->maker->is_attested)
        return HM_OK;
    hm_layout_maker_role(hm_bytes_str(judge->maker->id), name);
    HM_TRY(get_part(judge, name, product, err, &judge->made));
    return hm_verdict_names(judge->maker, name, judge->made, err);
}

static enum hm_rc judge_path(struct judge *judge, const struct hm_plan_path *path,
                             struct hm_err *err)
{
    struct hm_release_file file;
    struct hm_path parsed;

    if (judge->maker == NULL || strcmp(judge->maker->id, path->maker) != 0)
        HM_TRY(judge_maker(judge, path->maker, err));
    HM_TRY(hm_layout_parse_path(path->path, err, &parsed));
    if (!hm_bytes_is_equal(judge->product, parsed.product))
        HM_TRY(judge_product(judge, parsed.product, err));
    HM_TRY(hm_verdict_path(judge->layout, judge->maker, judge->grade, judge->release, judge->made,
                           path->path, err, &file));
    return judge_image(judge->plan, judge->next, &file, err);
}

/* A new document, also one that lists nothing new. */
static enum hm_rc judge_document(const struct judge *judge, const char *role, struct hm_err *err)
{
    const struct hm_targets *ignored;
    struct hm_partition_name name;
    char above[HM_LAYOUT_ROLE_SIZE_MAX];

    if (!hm_partition_parse(hm_bytes_str(role), &name))
        return HM_OK; /* targets is read by every refresh */
    if (name.product.size == 0)
        return get_above(judge, role, err, &ignored);
    (void)snprintf(above, sizeof(above), "%.*s", HM_BYTES_FMT(name.above));
    return get_part(judge, above, name.product, err, &ignored);
}

/* Only what changed: the rest was judged when it was published, and the snapshot's rule of
 * succession holds it. */
static enum hm_rc judge_all(const struct hm_plan *plan, struct hm_client *client,
                            const struct hm_dir *next, struct hm_err *err)
{
    _hm_free_(hm_layout_free) struct hm_layout *layout = NULL;
    struct judge judge = {.plan = plan, .next = next, .client = client};

    HM_TRY(hm_layout_parse(hm_client_root(client), hm_client_targets(client),
                           plan->roles->site->config.name, err, &layout));
    judge.layout = layout;
    for (size_t i = 0; i < plan->document_count; i++)
        HM_TRY(judge_document(&judge, plan->documents[i].role, err));
    for (size_t i = 0; i < plan->path_count; i++)
        HM_TRY(judge_path(&judge, &plan->paths[i], err));
    return HM_OK;
}

static enum hm_rc rehearse(const struct hm_plan *plan, const struct hm_dir *dir,
                           const struct hm_dir *next, struct hm_err *err)
{
    struct source source = {.public_dir = &plan->roles->site->public_dir, .next = next};
    _hm_done_(hm_buf_done) struct hm_buf root = HM_BUF_INIT(HM_DOCUMENT_ROOT_SIZE_MAX);

    HM_TRY(get(&source, "1.root.json", err, &root));
    HM_TRY(hm_client_init(dir, hm_buf_bytes(&root), err));
    /* A client that is up to date must be able to go on; so must one that comes anew, which is the
     * same walk from the first root. */
    if (plan->roles->tree->root != NULL)
        HM_TRY(refresh(plan, dir, NULL, false, NULL, err));
    HM_TRY(refresh(plan, dir, next, false, judge_all, err));
    return hm_dir_has(next, "late") ? refresh(plan, dir, next, true, NULL, err) : HM_OK;
}

enum hm_rc hm_rehearsal_run(const struct hm_plan *plan, const struct hm_dir *next,
                            struct hm_err *err)
{
    const struct hm_dir *private_dir = &plan->roles->site->private_dir;
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    enum hm_rc rc;

    HM_TRY(hm_dir_remove_tree(private_dir, HM_REHEARSAL_FOLDER, err));
    HM_TRY(hm_dir_open_at(private_dir, HM_REHEARSAL_FOLDER, true, err, &dir));
    rc = rehearse(plan, &dir, next, err);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "nothing was published, a client would refuse it");
    return hm_dir_remove_tree(private_dir, HM_REHEARSAL_FOLDER, err);
}
