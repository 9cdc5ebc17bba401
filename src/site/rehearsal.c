/* SPDX-License-Identifier: Apache-2.0 */
/* A client's refresh against a publish not committed yet (rehearsal.h). */
#include "site/rehearsal.h"

#include "trust/verdict.h"
#include "tuf/client.h"

#define HM_REHEARSAL_FOLDER "publish/check.tmp"

struct source {
    const struct hm_dir *public_dir;
    const struct hm_dir *next; /* NULL: only what is published */
};

static enum hm_rc get(void *ctx, const char *name, struct hm_err *err, struct hm_buf *ret_buf)
{
    const struct source *source = ctx;
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(1024);

    if (source->next != NULL && strcmp(name, "timestamp.json") == 0 &&
        hm_dir_has(source->next, name))
        return hm_dir_read(source->next, name, err, ret_buf);
    HM_TRY(hm_buf_append_fmt(&path, err, "files/metadata/%s", name));
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
                          const struct hm_dir *next,
                          enum hm_rc (*judge)(const struct hm_plan *plan, struct hm_client *client,
                                              const struct hm_dir *next, struct hm_err *err),
                          struct hm_err *err)
{
    _hm_free_(hm_client_free) struct hm_client *client = NULL;
    struct source source = {.public_dir = &plan->roles->site->public_dir, .next = next};
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

struct judged_maker {
    const struct hm_layout_maker *maker;
    const struct hm_targets *release, *made;
    enum hm_grade grade;
};

static enum hm_rc judge_maker(const struct hm_plan *plan, struct hm_client *client,
                              const struct hm_layout *layout, const char *id, struct hm_err *err,
                              struct judged_maker *judged)
{
    _hm_free_(hm_chain_free) struct hm_chain *chain = NULL;
    const struct hm_memory nothing = {.is_known = false};
    const struct hm_delegated_role *role;
    char name[HM_LAYOUT_ROLE_SIZE_MAX];

    *judged = (struct judged_maker){.maker = hm_layout_find(layout, hm_bytes_str(id))};
    hm_layout_release_role(hm_bytes_str(id), name);
    role = hm_targets_find_role(&hm_client_targets(client)->delegations, hm_bytes_str(name));
    if (judged->maker == NULL || role == NULL)
        return hm_fail(err, HM_EUNKNOWN, "'targets' does not know maker '%s'", id);
    HM_TRY(hm_client_role(client, role, err, &judged->release));
    HM_TRY(hm_verdict_names(judged->maker, name, judged->release, err));
    if (judged->maker->is_attested)
        return hm_verdict_maker(layout, judged->maker, NULL, &nothing, HM_GRADE_ATTESTED, err,
                                &judged->grade);
    hm_layout_maker_role(hm_bytes_str(id), name);
    role = hm_targets_find_role(&layout->delegations, hm_bytes_str(name));
    if (role == NULL)
        return hm_fail(err, HM_EUNKNOWN, "'targets' does not know '%s'", name);
    HM_TRY(hm_client_role(client, role, err, &judged->made));
    HM_TRY(hm_verdict_names(judged->maker, name, judged->made, err));
    HM_TRY(hm_chain_load(plan->roles->site, id, judged->maker->identity_version, err, &chain));
    return hm_verdict_maker(layout, judged->maker, chain->identity, &nothing, HM_GRADE_ATTESTED,
                            err, &judged->grade);
}

static enum hm_rc judge_all(const struct hm_plan *plan, struct hm_client *client,
                            const struct hm_dir *next, struct hm_err *err)
{
    _hm_free_(hm_layout_free) struct hm_layout *layout = NULL;
    struct judged_maker judged = {.maker = NULL};
    struct hm_release_file file;

    HM_TRY(hm_layout_parse(hm_client_root(client), hm_client_targets(client),
                           plan->roles->site->config.name, err, &layout));
    for (size_t i = 0; i < plan->path_count; i++) {
        const struct hm_plan_path *path = &plan->paths[i];

        /* Paths come maker by maker. */
        if (judged.maker == NULL || strcmp(judged.maker->id, path->maker) != 0)
            HM_TRY(judge_maker(plan, client, layout, path->maker, err, &judged));
        HM_TRY(hm_verdict_path(layout, judged.maker, judged.grade, judged.release, judged.made,
                               path->path, err, &file));
        HM_TRY(judge_image(plan, next, &file, err));
    }
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
        HM_TRY(refresh(plan, dir, NULL, NULL, err));
    return refresh(plan, dir, next, judge_all, err);
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
