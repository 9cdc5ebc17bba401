/* SPDX-License-Identifier: Apache-2.0 */
/* Verifying files offline: by digest in every role held, then, for the wording, by name. */
#include "customer/verify.h"

#include <errno.h>
#include <fcntl.h>

#include "base/text.h"
#include "base/time.h"
#include "customer/products.h"

#define LIST_SIZE_MAX      600 /* a sentence names some of many */
#define NAMED_PRODUCTS_MAX 64  /* read for a better sentence alone */

/* ---- sites ----------------------------------------------------------------------------------- */

static enum hm_rc check_age(const struct hm_subscription *subscription, int64_t max_age_s,
                            struct hm_err *err)
{
    int64_t age_s = subscription->now_unix_s - subscription->refreshed_unix_s;
    char age[32];

    if (max_age_s < 0 || age_s <= max_age_s)
        return HM_OK;
    hm_time_format_age(age_s, age);
    return hm_fail(err, HM_EEXPIRED,
                   "site '%s': last refreshed %s ago, longer than --max-age allows; refresh it "
                   "with 'hallmark list'",
                   subscription->name, age);
}

static enum hm_rc load_site(const struct hm_verify *verify, bool is_earlier, struct hm_err *err,
                            struct hm_verify_site *site)
{
    struct hm_refresh_want every = {.id = HM_BYTES_LITERAL("*")}; /* products only where needed */
    struct hm_refresh_scope scope = {.wants = &every, .count = 1};

    HM_TRY(hm_subscription_open(verify->home, site->name, verify->now_unix_s, false, err,
                                &site->subscription));
    if (is_earlier)
        HM_TRY(hm_refresh_load_kept(site->subscription, HM_KEPT_COMPLETE, scope, err));
    else
        HM_TRY(hm_refresh_load(site->subscription, scope, err));
    HM_TRY(check_age(site->subscription, verify->max_age_s, err));
    return hm_release_log_check_age(site->subscription, verify->max_age_s, err);
}

static enum hm_rc add_site(struct hm_verify *verify, const char *name, bool is_named,
                           struct hm_err *err)
{
    struct hm_verify_site *site = &verify->sites[verify->site_count++];
    struct hm_err why = HM_ERR_INIT;

    site->name = hm_arena_strdup(&verify->arena, hm_bytes_str(name));
    if (site->name == NULL)
        return hm_error_nomem(err);
    site->rc = load_site(verify, false, &why, site);
    if (site->rc == HM_OK)
        return HM_OK;
    /* A site that was asked for by a name that means nothing is no site. */
    if (hm_error_exit_status(site->rc) == 4 || site->rc == HM_EUSAGE ||
        (is_named && site->subscription == NULL && site->rc == HM_EINPUT))
        return hm_fail(err, site->rc, "%s", why.text);
    /* A fault in what is held here is no judgement on the file. */
    if (hm_error_exit_status(site->rc) == 1)
        site->rc = HM_EAGAIN;
    site->text = hm_arena_strdup(&verify->arena, hm_bytes_str(why.text));
    return site->text == NULL ? hm_error_nomem(err) : HM_OK;
}

enum hm_rc hm_verify_open(const struct hm_home *home, const char *site, int64_t now_unix_s,
                          int64_t max_age_s, struct hm_err *err, struct hm_verify *ret_verify)
{
    _hm_done_(hm_verify_done) struct hm_verify verify = {
        .now_unix_s = now_unix_s, .max_age_s = max_age_s, .home = home};
    const char **names = &site;
    size_t count = 1;

    if (site == NULL)
        HM_TRY(hm_home_sites(home, &verify.arena, err, &names, &count));
    if (count == 0)
        return hm_fail(err, HM_EINPUT, "no site is trusted yet; begin with 'hallmark trust add'");
    verify.sites = hm_arena_alloc(&verify.arena, count, sizeof(*verify.sites));
    if (verify.sites == NULL)
        return hm_error_nomem(err);
    for (size_t i = 0; i < count; i++)
        HM_TRY(add_site(&verify, names[i], site != NULL, err));
    *ret_verify = verify;
    verify = (struct hm_verify){0};
    return HM_OK;
}

static void site_done(struct hm_verify_site *site)
{
    hm_digests_done(&site->digests);
    hm_subscription_free(site->subscription);
}

void hm_verify_done(struct hm_verify *verify)
{
    for (size_t i = 0; i < verify->site_count; i++) {
        if (verify->sites[i].earlier != NULL)
            site_done(verify->sites[i].earlier);
        site_done(&verify->sites[i]);
    }
    hm_arena_done(&verify->arena);
    *verify = (struct hm_verify){0};
}

/* ---- by digest ------------------------------------------------------------------------------- */

static bool has_path(const struct hm_catalogue *catalogue,
                     const struct hm_subscription *subscription, struct hm_bytes path)
{
    for (size_t i = 0; i < catalogue->item_count; i++) {
        if (catalogue->items[i].subscription == subscription &&
            hm_bytes_is_equal(catalogue->items[i].path, path))
            return true;
    }
    return false;
}

static enum hm_rc find_in_role(struct hm_subscription *subscription, const struct hm_targets *role,
                               struct hm_verify_answer *answer, struct hm_err *err)
{
    for (size_t i = 0; role != NULL && i < role->target_count; i++) {
        const struct hm_target *target = &role->targets[i];

        if (target->facts.length != answer->size || !target->facts.has_sha256 ||
            !hm_digest_is_equal(&target->facts.sha256, &answer->sha256) ||
            has_path(&answer->matches, subscription, target->path))
            continue;
        HM_TRY(hm_catalogue_add_path(&answer->matches, subscription, target->path, err));
    }
    return HM_OK;
}

/* A product's roles in full: verified, searched, and dropped where there is nothing. */
static enum hm_rc find_in_product(struct hm_subscription *subscription,
                                  const struct hm_digests_product *product,
                                  struct hm_verify_answer *answer, struct hm_err *err)
{
    const struct hm_layout_maker *maker = &subscription->layout->makers[product->maker_index];
    const struct hm_standing *standing = &subscription->standings[product->maker_index];
    struct hm_err why = HM_ERR_INIT;
    size_t before = answer->matches.item_count;
    struct hm_product roles;
    enum hm_rc rc = hm_products_resolve(subscription, maker, standing, product->name, &why, &roles);

    if (hm_error_exit_status(rc) == 4)
        return hm_fail(err, rc, "%s", why.text);
    if (rc != HM_OK) {
        answer->unread = rc;
        answer->unread_text = hm_arena_strdup(&answer->matches.arena, hm_bytes_str(why.text));
        return answer->unread_text == NULL ? hm_error_nomem(err) : HM_OK;
    }
    if (roles.release != standing->release)
        HM_TRY(find_in_role(subscription, roles.release, answer, err));
    if (roles.maker_role != standing->maker_role)
        HM_TRY(find_in_role(subscription, roles.maker_role, answer, err));
    if (answer->matches.item_count == before)
        hm_products_forget(subscription, maker, product->name);
    return HM_OK;
}

static enum hm_rc find_in_products(struct hm_verify_site *site, struct hm_verify_answer *answer,
                                   struct hm_err *err)
{
    const struct hm_digests_product *product;
    size_t cursor = 0;

    if (!site->has_digests) {
        HM_TRY(hm_digests_build(&site->digests, site->subscription, err));
        site->has_digests = true;
    }
    while ((product = hm_digests_next(&site->digests, &answer->sha256, &cursor)) != NULL)
        HM_TRY(find_in_product(site->subscription, product, answer, err));
    return HM_OK;
}

static enum hm_rc find_in_site(struct hm_verify_site *site, struct hm_verify_answer *answer,
                               struct hm_err *err)
{
    struct hm_subscription *subscription = site->subscription;
    size_t before = answer->matches.item_count;

    for (size_t i = 0; i < subscription->layout->maker_count; i++) {
        const struct hm_standing *standing = &subscription->standings[i];

        if (standing->rc != HM_OK || standing->release == NULL)
            continue;
        HM_TRY(find_in_role(subscription, standing->release, answer, err));
        /* What a maker signed and the vendor did not release is told as that. */
        HM_TRY(find_in_role(subscription, standing->maker_role, answer, err));
    }
    HM_TRY(find_in_products(site, answer, err));
    site->answered |= answer->matches.item_count > before;
    return HM_OK;
}

/* Whether something of the site is not held, so that there may be more to it. */
static bool has_gap(const struct hm_verify_site *site)
{
    for (size_t i = 0; i < site->subscription->layout->maker_count; i++) {
        enum hm_rc rc = site->subscription->standings[i].rc;

        if (rc != HM_OK && hm_error_exit_status(rc) != 1)
            return true;
    }
    return site->digests.gap_count > 0;
}

/* The site as of the last complete refresh; NULL where there is no such state that may be asked. */
static enum hm_rc get_earlier(const struct hm_verify *verify, struct hm_verify_site *site,
                              struct hm_err *err, struct hm_verify_site **ret_earlier)
{
    struct hm_verify_site *earlier;
    struct hm_err why = HM_ERR_INIT;
    enum hm_rc rc;

    *ret_earlier = site->earlier;
    if (site->tried_earlier)
        return HM_OK;
    site->tried_earlier = true;
    earlier = hm_arena_alloc(&site->subscription->arena, 1, sizeof(*earlier));
    if (earlier == NULL)
        return hm_error_nomem(err);
    earlier->name = site->name;
    rc = load_site(verify, true, &why, earlier);
    if (rc != HM_OK) {
        site_done(earlier);
        return hm_error_exit_status(rc) == 4 ? hm_fail(err, rc, "%s", why.text) : HM_OK;
    }
    site->earlier = earlier;
    *ret_earlier = earlier;
    return HM_OK;
}

static enum hm_rc find_by_digest(const struct hm_verify *verify, struct hm_verify_answer *answer,
                                 struct hm_err *err)
{
    for (size_t i = 0; i < verify->site_count; i++) {
        struct hm_verify_site *site = &verify->sites[i];
        struct hm_verify_site *earlier = NULL;
        size_t before = answer->matches.item_count;

        if (site->rc != HM_OK)
            continue;
        HM_TRY(find_in_site(site, answer, err));
        if (answer->matches.item_count > before || site->subscription->is_earlier || !has_gap(site))
            continue;
        HM_TRY(get_earlier(verify, site, err, &earlier));
        if (earlier != NULL)
            HM_TRY(find_in_site(earlier, answer, err));
    }
    hm_catalogue_sort(&answer->matches);
    return HM_OK;
}

/* ---- wording --------------------------------------------------------------------------------- */

static enum hm_rc say(struct hm_verify_answer *answer, enum hm_rc rc, struct hm_err *err,
                      const struct hm_err *why)
{
    char *text = hm_arena_strdup(&answer->matches.arena, hm_bytes_str(why->text));

    if (text == NULL)
        return hm_error_nomem(err);
    answer->rc = rc;
    answer->text = text;
    return HM_OK;
}

/* What is not held, and why the first of it is not. */
struct gaps {
    struct hm_buf list;
    size_t count;
    enum hm_rc rc;
    const char *reason;
};

static void gaps_done(struct gaps *gaps)
{
    hm_buf_done(&gaps->list);
}

static void add_gap(struct gaps *gaps, enum hm_rc rc, const char *reason, const char *maker,
                    struct hm_bytes product, const char *site)
{
    if (gaps->count++ == 0) {
        gaps->rc = rc;
        gaps->reason = reason;
    }
    /* A list that is full is long enough. */
    HM_UNUSED enum hm_rc added =
        hm_buf_append_fmt(&gaps->list, NULL, "%s%s%s%.*s at %s", gaps->list.size == 0 ? "" : ", ",
                          maker, product.size == 0 ? "" : "/", HM_BYTES_FMT(product), site);
}

static void find_site_gaps(const struct hm_verify_site *site, struct gaps *gaps)
{
    const struct hm_layout *layout = site->subscription->layout;

    for (size_t i = 0; i < layout->maker_count; i++) {
        const struct hm_standing *standing = &site->subscription->standings[i];

        if (standing->rc != HM_OK && hm_error_exit_status(standing->rc) != 1)
            add_gap(gaps, standing->rc, standing->text, layout->makers[i].id, HM_BYTES_LITERAL(""),
                    site->name);
    }
    for (size_t i = 0; i < site->digests.gap_count; i++) {
        const struct hm_digests_gap *gap = &site->digests.gaps[i];

        add_gap(gaps, gap->rc, gap->text, layout->makers[gap->maker_index].id, gap->product,
                site->name);
    }
}

/* The first thing that could not be asked; false if all could be. */
static bool find_gap(const struct hm_verify *verify, const struct hm_verify_answer *answer,
                     struct hm_err *ret_why)
{
    _hm_done_(gaps_done) struct gaps gaps = {.list = HM_BUF_INIT(LIST_SIZE_MAX)};

    for (size_t i = 0; i < verify->site_count; i++) {
        const struct hm_verify_site *site = &verify->sites[i];

        if (site->rc != HM_OK) {
            (void)hm_fail(ret_why, site->rc, "%s", site->text);
            return true;
        }
        find_site_gaps(site, &gaps);
    }
    if (gaps.count == 0 && answer->unread != HM_OK) {
        (void)hm_fail(ret_why, HM_EAGAIN, "a role that may list it cannot be used: %s",
                      answer->unread_text);
        return true;
    }
    if (gaps.count == 0)
        return false;
    (void)hm_fail(ret_why, gaps.rc,
                  "not held here is what these released: %s; run 'hallmark list' to get it (%s)",
                  hm_buf_str(&gaps.list), gaps.reason);
    return true;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

static enum hm_rc find_name_in_role(struct hm_subscription *subscription,
                                    const struct hm_targets *role, const char *name,
                                    struct hm_catalogue *catalogue, struct hm_err *err)
{
    struct hm_path path;

    for (size_t i = 0; role != NULL && i < role->target_count; i++) {
        if (hm_layout_parse_path(role->targets[i].path, NULL, &path) == HM_OK &&
            hm_bytes_is_str(path.file, name))
            HM_TRY(hm_catalogue_add_path(catalogue, subscription, path.whole, err));
    }
    return HM_OK;
}

/* In products' roles: enough of them to say that the name is known. */
static enum hm_rc find_name_in_products(const struct hm_verify_site *site, const char *name,
                                        struct hm_catalogue *catalogue, struct hm_err *err)
{
    struct hm_subscription *subscription = site->subscription;
    const struct hm_digests_product *product;
    size_t cursor = 0;

    for (int i = 0; i < NAMED_PRODUCTS_MAX; i++) {
        const struct hm_standing *standing;
        struct hm_product roles;

        product = hm_digests_next_name(&site->digests, hm_bytes_str(name), &cursor);
        if (product == NULL)
            return HM_OK;
        standing = &subscription->standings[product->maker_index];
        if (hm_products_resolve(subscription, &subscription->layout->makers[product->maker_index],
                                standing, product->name, NULL, &roles) == HM_OK &&
            roles.release != standing->release)
            HM_TRY(find_name_in_role(subscription, roles.release, name, catalogue, err));
    }
    return HM_OK;
}

/* The newest release that has a file of this name, and how many others. */
static const struct hm_catalogue_item *find_by_name(const struct hm_verify *verify,
                                                    const char *name,
                                                    struct hm_catalogue *catalogue,
                                                    size_t *ret_others, struct hm_err *err)
{
    const struct hm_catalogue_item *newest = NULL;

    *ret_others = 0;
    for (size_t i = 0; i < verify->site_count; i++) {
        struct hm_subscription *subscription = verify->sites[i].subscription;

        if (verify->sites[i].rc != HM_OK)
            continue;
        for (size_t j = 0; j < subscription->layout->maker_count; j++) {
            if (find_name_in_role(subscription, subscription->standings[j].release, name, catalogue,
                                  err) != HM_OK)
                return NULL;
        }
        if (find_name_in_products(&verify->sites[i], name, catalogue, err) != HM_OK)
            return NULL;
    }
    hm_catalogue_sort(catalogue);
    for (size_t i = catalogue->item_count; i > 0; i--) {
        if (catalogue->items[i - 1].rc != HM_OK)
            continue;
        if (newest == NULL)
            newest = &catalogue->items[i - 1];
        else
            (*ret_others)++;
    }
    return newest;
}

/* What the file is called: in sentences, and, unless nobody named it, for a look at its name. */
struct subject {
    const char *label;
    const char *path; /* or NULL */
};

static enum hm_rc say_mismatch(const struct hm_verify *verify, const struct subject *subject,
                               struct hm_verify_answer *answer, struct hm_err *err, bool *ret_said)
{
    _hm_done_(hm_catalogue_done) struct hm_catalogue named = {0};
    const struct hm_catalogue_item *item;
    struct hm_err why = HM_ERR_INIT;
    char more[64] = "";
    size_t others = 0;

    if (subject->path == NULL)
        return HM_OK;
    item = find_by_name(verify, base_name(subject->path), &named, &others, err);
    *ret_said = item != NULL;
    if (item == NULL)
        return HM_OK;
    if (others > 0)
        (void)snprintf(more, sizeof(more), " (nor for %zu other%s of that name)", others,
                       others == 1 ? "" : "s"); /* fits */
    (void)hm_fail(&why, HM_EMISMATCH,
                  "'%s': not the bytes that %.*s signed for '%.*s'%s; do not install it and get it "
                  "again",
                  subject->label,
                  HM_BYTES_FMT(item->file.grade == HM_GRADE_ATTESTED
                                   ? hm_bytes_str(item->subscription->name)
                                   : item->file.path.id),
                  HM_BYTES_FMT(item->path), more);
    return say(answer, HM_EMISMATCH, err, &why);
}

/* Makers that are refused altogether could not have released it either; but it is told. */
static void note_refused(const struct hm_verify *verify, struct hm_buf *note)
{
    for (size_t i = 0; i < verify->site_count; i++) {
        const struct hm_verify_site *site = &verify->sites[i];

        for (size_t j = 0; site->rc == HM_OK && j < site->subscription->layout->maker_count; j++) {
            const struct hm_standing *standing = &site->subscription->standings[j];

            if (hm_error_exit_status(standing->rc) != 1)
                continue;
            /* A list that is full is long enough. */
            HM_UNUSED enum hm_rc added =
                hm_buf_append_fmt(note, NULL, "; not asked as it is refused at site '%s': %s",
                                  site->name, standing->text);
        }
    }
}

static enum hm_rc say_unknown(const struct hm_verify *verify, const struct subject *subject,
                              struct hm_verify_answer *answer, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(LIST_SIZE_MAX);
    char hex[HM_SHA256_HEX_SIZE];
    struct hm_err why = HM_ERR_INIT;
    bool said = false;

    if (find_gap(verify, answer, &why)) {
        enum hm_rc rc = hm_error_prefix(&why, why.rc, "'%s': cannot tell", subject->label);

        return say(answer, rc, err, &why);
    }
    HM_TRY(say_mismatch(verify, subject, answer, err, &said));
    if (said)
        return HM_OK;
    note_refused(verify, &note);
    hm_text_hex(hm_bytes_make(answer->sha256.bytes, HM_SHA256_SIZE), hex);
    (void)hm_fail(&why, HM_EUNKNOWN,
                  "'%s': unknown: no site you trust released these bytes (sha256 %s)%s",
                  subject->label, hex, hm_buf_str(&note));
    return say(answer, HM_EUNKNOWN, err, &why);
}

/* The recall that decides: the vendor's takes these bytes back wherever they stand, a maker's
 * leaves alone what another maker released. NULL: none does. */
static const struct hm_catalogue_item *find_recalled(const struct hm_verify_answer *answer)
{
    for (size_t i = 0; i < answer->matches.item_count; i++) {
        const struct hm_catalogue_item *recalled = &answer->matches.items[i];
        bool is_others = false;

        if (recalled->rc != HM_ERECALLED)
            continue;
        for (size_t j = 0; j < answer->matches.item_count && !is_others; j++) {
            const struct hm_catalogue_item *other = &answer->matches.items[j];

            is_others = other->rc == HM_OK &&
                        !hm_bytes_is_equal(other->file.path.id, recalled->file.path.id);
        }
        if (!is_others || strcmp(recalled->recall->id, HM_RECALL_VENDOR) == 0)
            return recalled;
    }
    return NULL;
}

/* Bytes that stand nowhere any more may have been taken back all the same. */
static enum hm_rc judge_unknown(const struct hm_verify *verify, const struct subject *subject,
                                struct hm_verify_answer *answer, struct hm_err *err)
{
    for (size_t i = 0; i < verify->site_count; i++) {
        const struct hm_verify_site *site = &verify->sites[i];
        struct hm_err why = HM_ERR_INIT;

        if (site->rc == HM_OK &&
            hm_verdict_recall_unknown(&site->subscription->recalls, &answer->sha256, subject->label,
                                      &why) == HM_ERECALLED)
            return say(answer, HM_ERECALLED, err, &why);
    }
    return say_unknown(verify, subject, answer, err);
}

static enum hm_rc conclude(const struct hm_verify *verify, const struct subject *subject,
                           struct hm_verify_answer *answer, struct hm_err *err)
{
    const struct hm_catalogue_item *refused = find_recalled(answer);
    struct hm_err why = HM_ERR_INIT;

    for (size_t i = 0; refused == NULL && i < answer->matches.item_count; i++) {
        if (answer->matches.items[i].rc == HM_OK) {
            answer->rc = HM_OK;
            return HM_OK;
        }
    }
    if (refused == NULL && answer->matches.item_count > 0)
        refused = &answer->matches.items[answer->matches.item_count - 1];
    if (refused == NULL)
        return judge_unknown(verify, subject, answer, err);
    (void)hm_fail(&why, refused->rc, "'%s': site '%s': %s", subject->label,
                  refused->subscription->name, refused->text);
    return say(answer, refused->rc, err, &why);
}

/* ---- one file -------------------------------------------------------------------------------- */

static enum hm_rc open_input(const char *path, struct hm_err *err, int *ret_fd)
{
    int fd;

    if (strcmp(path, "-") == 0)
        fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    else
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return hm_error_errno(err, errno, "cannot open '%s'", path);
    *ret_fd = fd;
    return HM_OK;
}

void hm_verify_answer_done(struct hm_verify_answer *answer)
{
    hm_catalogue_done(&answer->matches);
}

enum hm_rc hm_verify_digest(struct hm_verify *verify, const struct hm_sha256 *sha256, uint64_t size,
                            const char *path, struct hm_err *err,
                            struct hm_verify_answer *ret_answer)
{
    _hm_done_(hm_verify_answer_done) struct hm_verify_answer answer = {
        .rc = HM_EUNKNOWN, .sha256 = *sha256, .size = size};
    struct subject subject = {.label = path, .path = path};
    char hex[HM_SHA256_HEX_SIZE];

    if (path == NULL) {
        hm_text_hex(hm_bytes_make(sha256->bytes, HM_SHA256_SIZE), hex);
        subject.label = hex;
    }
    HM_TRY(find_by_digest(verify, &answer, err));
    HM_TRY(conclude(verify, &subject, &answer, err));
    *ret_answer = answer;
    answer = (struct hm_verify_answer){.rc = HM_EUNKNOWN};
    return HM_OK;
}

static enum hm_rc examine(struct hm_verify *verify, const char *path, bool needs_proof,
                          hm_digest_progress_fn *progress, void *ctx, struct hm_err *err,
                          struct hm_verify_answer *ret_answer)
{
    _hm_done_(hm_verify_answer_done) struct hm_verify_answer answer = {.rc = HM_EUNKNOWN};
    _hm_done_(hm_dir_close_fd) int fd = -1;
    struct hm_sha256 sha256;
    uint64_t size;
    enum hm_rc rc;

    HM_TRY(open_input(path, err, &fd));
    rc = hm_digest_fd(fd, progress, ctx, err, &sha256, &size);
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", path);
    HM_TRY(hm_verify_digest(verify, &sha256, size, path, err, &answer));
    if (answer.rc == HM_OK && strcmp(path, "-") != 0)
        HM_TRY(hm_release_proof_look(&answer.matches, path, err, &answer.proof));
    if (answer.rc == HM_OK && needs_proof) {
        answer.rc = answer.proof.rc;
        answer.text = answer.proof.text;
    }
    *ret_answer = answer;
    answer = (struct hm_verify_answer){.rc = HM_EUNKNOWN};
    return HM_OK;
}

enum hm_rc hm_verify_file(struct hm_verify *verify, const char *path,
                          hm_digest_progress_fn *progress, void *ctx, struct hm_err *err,
                          struct hm_verify_answer *ret_answer)
{
    _hm_done_(hm_verify_answer_done) struct hm_verify_answer answer = {.rc = HM_EUNKNOWN};
    _hm_free_(free) char *image = NULL;

    HM_TRY(examine(verify, path, verify->needs_proof, progress, ctx, err, &answer));
    if (answer.matches.item_count == 0)
        HM_TRY(hm_release_proof_image(path, err, &image));
    if (image != NULL) {
        hm_verify_answer_done(&answer);
        answer = (struct hm_verify_answer){.rc = HM_EUNKNOWN};
        HM_TRY(examine(verify, image, true, progress, ctx, err, &answer));
        answer.is_of_proof = true;
    }
    *ret_answer = answer;
    answer = (struct hm_verify_answer){.rc = HM_EUNKNOWN};
    return HM_OK;
}
