/* SPDX-License-Identifier: Apache-2.0 */
/* trust/log_verdict: each rule of the release log refuses what it is for, beside a control. */
#include "unit.h"

#include "base/text.h"
#include "trust/log_verdict.h"
#include "trust_kit.h"

#define ORIGIN   "example.com/log"
#define NOW      INT64_C(1800000000)
#define WEEK     604800
#define SNAPSHOT "hallmark/snapshot v1\nsite globex\nsnapshot 7 %s 2000\nroot 2 %s\nmap %s 0\n"

static struct hm_sha256 letter(char c)
{
    struct hm_sha256 hash;

    memset(hash.bytes, c, sizeof(hash.bytes));
    return hash;
}

/* "6161..." for 'a'. */
static const char *hex(char c)
{
    static char texts[8][HM_SHA256_HEX_SIZE];
    static size_t count;
    struct hm_sha256 hash = letter(c);

    count = (count + 1) % HM_ARRAY_COUNT(texts);
    hm_text_hex(hm_bytes_make(hash.bytes, sizeof(hash.bytes)), texts[count]);
    return texts[count];
}

/* ---- a log in memory ------------------------------------------------------------------------- */

#define ENTRIES_MAX 16

struct world {
    char entries[ENTRIES_MAX][2048];
    size_t count;
    struct hm_digest *digest;
    struct hm_note_key *log_key, *witnesses[4]; /* the last is the customer's own */
};

static const enum kit_key witness_keys[4] = {KIT_ACME1, KIT_ACME2, KIT_ACME3, KIT_BOLT};
static const char *const witness_names[4] = {"w1.example", "w2.example", "w3.example",
                                             "own.example"};

static enum hm_rc node(void *ctx, unsigned level, uint64_t index, struct hm_err *err,
                       struct hm_sha256 *ret_hash)
{
    struct world *world = ctx;
    struct hm_sha256 left, right;

    if (level == 0)
        return hm_merkle_leaf(world->digest, hm_bytes_str(world->entries[index]), err, ret_hash);
    HM_TRY(node(ctx, level - 1, 2 * index, err, &left));
    HM_TRY(node(ctx, level - 1, 2 * index + 1, err, &right));
    return hm_merkle_node(world->digest, &left, &right, err, ret_hash);
}

static struct hm_sha256 root_of(struct world *world, uint64_t size)
{
    struct hm_merkle_source source = {.node = node, .ctx = world};
    struct hm_sha256 root;

    assert_int_equal(hm_merkle_root(world->digest, &source, size, NULL, &root), HM_OK);
    return root;
}

HM_PRINTF(2, 3)
static void add(struct world *world, const char *format, ...)
{
    va_list args;

    assert_true(world->count < ENTRIES_MAX);
    va_start(args, format);
    (void)vsnprintf(world->entries[world->count], sizeof(world->entries[0]), format, args);
    va_end(args);
    world->count++;
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    assert_int_equal(hm_digest_new(HM_DIGEST_SHA256, NULL, &world->digest), HM_OK);
    assert_int_equal(
        hm_note_key_make(ORIGIN, HM_NOTE_ED25519, kit_key(KIT_ONLINE), NULL, &world->log_key),
        HM_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(hm_note_key_make(witness_names[i], HM_NOTE_COSIGNATURE,
                                          kit_key(witness_keys[i]), NULL, &world->witnesses[i]),
                         HM_OK);
    add(world, "hallmark/root v1\nsite globex\nroot 2 %s 10\n", hex('r'));
    add(world,
        "hallmark/release v1\nsite globex\npath acme/nic/1.0\nimage a.rom %s 100\n"
        "image b.rom %s 200\nrole release~acme 1\n",
        hex('a'), hex('b'));
    add(world, SNAPSHOT "entries 0 2\n", hex('s'), hex('r'), hex('m'));
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    hm_digest_free(world->digest);
    hm_note_key_free(world->log_key);
    for (size_t i = 0; i < 4; i++)
        hm_note_key_free(world->witnesses[i]);
    free(world);
    return 0;
}

/* The checkpoint of size entries, signed by the log and by the witnesses with a time. */
static void sign(struct world *world, uint64_t size, const int64_t times[4], struct hm_buf *note)
{
    struct hm_checkpoint checkpoint = {.origin = HM_BYTES_LITERAL(ORIGIN), .size = size};
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(4096);

    checkpoint.root = root_of(world, size);
    assert_int_equal(hm_checkpoint_write(&checkpoint, NULL, &text), HM_OK);
    assert_int_equal(hm_note_write_text(hm_buf_bytes(&text), NULL, note), HM_OK);
    assert_int_equal(
        hm_note_sign(hm_buf_bytes(&text), world->log_key, kit_signer(KIT_ONLINE), 0, NULL, note),
        HM_OK);
    for (size_t i = 0; i < 4; i++) {
        if (times[i] != 0)
            assert_int_equal(hm_note_sign(hm_buf_bytes(&text), world->witnesses[i],
                                          kit_signer(witness_keys[i]), (uint64_t)times[i], NULL,
                                          note),
                             HM_OK);
    }
}

/* ---- checkpoints ----------------------------------------------------------------------------- */

/* A policy of the world's witnesses; quorum: how many of the first three (0: none). */
static struct hm_log_policy *policy_of(const struct world *world, bool with_log, size_t first,
                                       size_t count, size_t quorum)
{
    _hm_done_(hm_buf_done) struct hm_buf text = HM_BUF_INIT(65536);
    struct hm_log_policy *policy = NULL;
    struct hm_err err = HM_ERR_INIT;

    if (with_log) {
        assert_int_equal(hm_buf_append_str(&text, "log ", NULL), HM_OK);
        assert_int_equal(hm_note_key_write(world->log_key, NULL, &text), HM_OK);
        assert_int_equal(hm_buf_append_str(&text, "\n", NULL), HM_OK);
    }
    for (size_t i = first; i < first + count; i++) {
        assert_int_equal(hm_buf_append_fmt(&text, NULL, "witness w%zu ", i), HM_OK);
        assert_int_equal(hm_note_key_write(world->witnesses[i], NULL, &text), HM_OK);
        assert_int_equal(hm_buf_append_str(&text, "\n", NULL), HM_OK);
    }
    if (quorum > 0) {
        assert_int_equal(hm_buf_append_fmt(&text, NULL, "group core %zu", quorum), HM_OK);
        for (size_t i = first; i < first + count; i++)
            assert_int_equal(hm_buf_append_fmt(&text, NULL, " w%zu", i), HM_OK);
    }
    assert_int_equal(
        hm_buf_append_str(&text, quorum > 0 ? "\nquorum core\n" : "quorum none\n", NULL), HM_OK);
    if (hm_log_policy_parse(hm_buf_bytes(&text), &err, &policy) != HM_OK)
        fail_msg("%s", err.text);
    return policy;
}

struct asked {
    size_t quorum;     /* of root's three witnesses */
    size_t own_quorum; /* 1: the customer's own witness too */
    int64_t times[4];
    int64_t max_age_s;
    enum hm_rc rc;
    const char *word;
    enum hm_log_state state;
    size_t cosigned, witnesses;
};

static void test_checkpoint__meets_every_demand(void **state)
{
    static const struct asked cases[] = {
        {2, 0, {NOW, NOW - 5, 0, 0}, WEEK, HM_OK, NULL, HM_LOG_WITNESSED, 2, 3},
        {2, 0, {NOW, NOW, NOW + 299, NOW}, WEEK, HM_OK, NULL, HM_LOG_WITNESSED, 3, 3},
        {0, 0, {0, 0, 0, 0}, WEEK, HM_OK, NULL, HM_LOG_UNWITNESSED, 0, 3},
        {0, 0, {NOW, 0, 0, 0}, WEEK, HM_OK, NULL, HM_LOG_UNWITNESSED, 1, 3},
        {0, 1, {0, 0, 0, NOW}, WEEK, HM_OK, NULL, HM_LOG_WITNESSED, 1, 4},
        {2, 1, {NOW, 0, NOW, NOW}, WEEK, HM_OK, NULL, HM_LOG_WITNESSED, 3, 4},
        {2, 0, {NOW - WEEK, NOW - WEEK, 0, 0}, WEEK, HM_OK, NULL, HM_LOG_WITNESSED, 2, 3},
        {2, 0, {NOW - 900 * WEEK, 1, 0, 0}, -1, HM_OK, NULL, HM_LOG_WITNESSED, 2, 3},
        /* refused */
        {2, 0, {NOW, 0, 0, 0}, WEEK, HM_ESIGNATURE, "root's policy", 0, 0, 0},
        {2, 0, {NOW, 0, 0, NOW}, WEEK, HM_ESIGNATURE, "root's policy", 0, 0, 0},
        {2, 0, {0, 0, 0, 0}, WEEK, HM_ESIGNATURE, "root's policy", 0, 0, 0},
        {3, 0, {NOW, NOW, 0, 0}, WEEK, HM_ESIGNATURE, "root's policy", 0, 0, 0},
        {2, 1, {NOW, NOW, NOW, 0}, WEEK, HM_ESIGNATURE, "my policy", 0, 0, 0},
        {0, 1, {NOW, NOW, NOW, 0}, WEEK, HM_ESIGNATURE, "my policy", 0, 0, 0},
        {2, 0, {NOW - WEEK - 1, NOW, 0, 0}, WEEK, HM_EEXPIRED, "root's policy", 0, 0, 0},
        {2, 1, {NOW, NOW, 0, NOW - WEEK - 1}, WEEK, HM_EEXPIRED, "my policy", 0, 0, 0},
        {2, 0, {NOW - 61, NOW - 61, NOW - 61, 0}, 60, HM_EEXPIRED, "root's policy", 0, 0, 0},
        {2, 0, {NOW + 301, NOW, 0, 0}, WEEK, HM_ECLOCK, "root's policy", 0, 0, 0},
    };
    struct world *world = *state;

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        const struct asked *asked = &cases[i];
        _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
        _hm_free_(hm_log_policy_free) struct hm_log_policy *own = policy_of(world, false, 3, 1, 1);
        _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
        struct hm_site_log log = {.policy = policy_of(world, true, 0, 3, asked->quorum)};
        struct hm_log_demands demands = {.policies = {{"my", own}},
                                         .policy_count = asked->own_quorum,
                                         .max_age_s = asked->max_age_s,
                                         .now_unix_s = NOW};
        struct hm_log_standing standing;
        struct hm_err err = HM_ERR_INIT;
        enum hm_rc rc;

        sign(world, 3, asked->times, &note);
        rc = hm_log_verdict_checkpoint(&log, &demands, hm_buf_bytes(&note), &err, &checkpoint,
                                       &standing);
        hm_log_policy_free(log.policy);
        if (rc != asked->rc)
            fail_msg("case %zu: %s", i, err.text);
        if (rc != HM_OK) {
            assert_null(checkpoint);
            if (strstr(err.text, asked->word) == NULL)
                fail_msg("case %zu: %s", i, err.text);
            continue;
        }
        assert_int_equal(standing.state, asked->state);
        assert_int_equal(standing.size, 3);
        assert_int_equal(standing.cosigned_count, asked->cosigned);
        assert_int_equal(standing.witness_count, asked->witnesses);
    }
}

static void test_checkpoint__counts_a_witness_of_two_policies_once(void **state)
{
    static const int64_t times[4] = {NOW, NOW - 1, 0, 0};
    struct world *world = *state;
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    _hm_free_(hm_log_policy_free) struct hm_log_policy *own = policy_of(world, false, 1, 3, 1);
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    struct hm_site_log log = {.policy = policy_of(world, true, 0, 3, 2)};
    struct hm_log_demands demands = {
        .policies = {{"my", own}}, .policy_count = 1, .max_age_s = WEEK, .now_unix_s = NOW};
    struct hm_log_standing standing;

    sign(world, 3, times, &note);
    assert_int_equal(hm_log_verdict_checkpoint(&log, &demands, hm_buf_bytes(&note), NULL,
                                               &checkpoint, &standing),
                     HM_OK);
    hm_log_policy_free(log.policy);
    assert_int_equal(standing.witness_count, 4);
    assert_int_equal(standing.cosigned_count, 2);
    assert_int_equal(standing.newest_unix_s, NOW);
}

static void test_checkpoint__is_of_the_log_that_root_names(void **state)
{
    static const int64_t nobody[4] = {0};
    struct world *world = *state;
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    struct hm_note_key *other = NULL;
    struct hm_site_log log;
    struct hm_log_demands demands = {.max_age_s = WEEK, .now_unix_s = NOW};
    struct hm_log_standing standing;

    sign(world, 3, nobody, &note);
    /* Another origin, under the same key. */
    assert_int_equal(
        hm_note_key_make("example.com/other", HM_NOTE_ED25519, kit_key(KIT_ONLINE), NULL, &other),
        HM_OK);
    hm_note_key_free(world->log_key);
    world->log_key = other;
    log.policy = policy_of(world, true, 0, 3, 0);
    assert_int_not_equal(hm_log_verdict_checkpoint(&log, &demands, hm_buf_bytes(&note), NULL,
                                                   &checkpoint, &standing),
                         HM_OK);
    hm_log_policy_free(log.policy);
    /* The same origin, under another key. */
    assert_int_equal(hm_note_key_make(ORIGIN, HM_NOTE_ED25519, kit_key(KIT_EVIL), NULL, &other),
                     HM_OK);
    hm_note_key_free(world->log_key);
    world->log_key = other;
    log.policy = policy_of(world, true, 0, 3, 0);
    assert_int_equal(hm_log_verdict_checkpoint(&log, &demands, hm_buf_bytes(&note), NULL,
                                               &checkpoint, &standing),
                     HM_ESIGNATURE);
    hm_log_policy_free(log.policy);
    assert_null(checkpoint);
}

static void test_unlogged__meets_no_demand(void **state)
{
    struct world *world = *state;
    _hm_free_(hm_log_policy_free) struct hm_log_policy *none = policy_of(world, false, 0, 3, 0);
    _hm_free_(hm_log_policy_free) struct hm_log_policy *own = policy_of(world, false, 0, 3, 1);
    struct hm_log_demands demands = {.policies = {{"the trust file's", none}, {"your own", own}}};
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_log_verdict_unlogged(&demands, &err), HM_OK);
    demands.policy_count = 1;
    assert_int_equal(hm_log_verdict_unlogged(&demands, &err), HM_OK);
    demands.policy_count = 2;
    assert_int_equal(hm_log_verdict_unlogged(&demands, &err), HM_EREFUSED);
    assert_non_null(strstr(err.text, "your own policy"));
}

/* ---- the newest entry ------------------------------------------------------------------------ */

/* What TUF verified, as the world's snapshot entry has it. */
static struct hm_log_facts facts_of_world(void)
{
    struct hm_log_facts facts = {
        .site = "globex", .snapshot = {.version = 7, .length = 2000}, .root = {.version = 2}};

    facts.snapshot.sha256 = letter('s');
    facts.root.sha256 = letter('r');
    return facts;
}

/* The verdict on entry index as the newest one of size; entry NULL: no extra data. */
static enum hm_rc judge_entry(struct world *world, uint64_t index, uint64_t size, const char *entry,
                              const struct hm_log_facts *facts, struct hm_err *err)
{
    static const int64_t nobody[4] = {0};
    const struct hm_note_key *keys[1] = {world->log_key};
    struct hm_merkle_source source = {.node = node, .ctx = world};
    _hm_free_(hm_checkpoint_free) struct hm_checkpoint_signed *checkpoint = NULL;
    _hm_free_(hm_entry_free) struct hm_entry *made = NULL;
    _hm_done_(hm_buf_done) struct hm_buf note = HM_BUF_INIT(HM_NOTE_SIZE_MAX);
    struct hm_merkle_proof path;
    struct hm_proof proof = {.index = index, .has_extra = entry != NULL};
    enum hm_rc rc;

    sign(world, size, nobody, &note);
    assert_int_equal(hm_checkpoint_open(hm_buf_bytes(&note), HM_BYTES_LITERAL(ORIGIN), keys, 1,
                                        NULL, &checkpoint),
                     HM_OK);
    assert_int_equal(hm_merkle_prove_inclusion(world->digest, &source, index, size, NULL, &path),
                     HM_OK);
    proof.hashes = path.hashes;
    proof.hash_count = path.count;
    if (entry != NULL)
        proof.extra = hm_bytes_str(entry);
    rc = hm_log_verdict_newest(&proof, checkpoint, facts, err, &made);
    assert_true((rc == HM_OK) == (made != NULL));
    return rc;
}

static void test_newest__names_snapshot_and_root(void **state)
{
    struct world *world = *state;
    struct hm_log_facts facts = facts_of_world();
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(judge_entry(world, 2, 3, world->entries[2], &facts, &err), HM_OK);
}

static void test_newest__is_refused_for_another_snapshot_or_root(void **state)
{
    static const struct {
        int snapshot, root; /* versions beside those of the entry */
        bool other_snapshot, other_root, other_length;
        enum hm_rc rc;
        const char *word;
    } cases[] = {
        {1, 0, false, false, false, HM_EREFUSED, "'snapshot'"},
        {0, 1, false, false, false, HM_EAGAIN, "'root'"},
        {-1, 0, false, false, false, HM_EAGAIN, "'snapshot'"},
        {0, -1, false, false, false, HM_EAGAIN, "'root'"},
        {0, 0, true, false, false, HM_EREFUSED, "'snapshot'"},
        {0, 0, false, true, false, HM_EREFUSED, "'root'"},
        {0, 0, false, false, true, HM_EREFUSED, "'snapshot'"},
    };
    struct world *world = *state;

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct hm_log_facts facts = facts_of_world();
        struct hm_err err = HM_ERR_INIT;

        facts.snapshot.version += (uint64_t)(int64_t)cases[i].snapshot;
        facts.root.version += (uint64_t)(int64_t)cases[i].root;
        if (cases[i].other_snapshot)
            facts.snapshot.sha256 = letter('x');
        if (cases[i].other_root)
            facts.root.sha256 = letter('x');
        facts.snapshot.length += cases[i].other_length;
        if (judge_entry(world, 2, 3, world->entries[2], &facts, &err) != cases[i].rc ||
            strstr(err.text, cases[i].word) == NULL)
            fail_msg("case %zu: %s", i, err.text);
    }
}

static void test_newest__is_the_last_entry_of_the_tree(void **state)
{
    struct world *world = *state;
    struct hm_log_facts facts = facts_of_world();
    struct hm_err err = HM_ERR_INIT;

    add(world,
        "hallmark/snapshot v1\nsite globex\nsnapshot 8 %s 9\nroot 2 %s\nmap %s 0\nentries 0 0\n",
        hex('t'), hex('r'), hex('m'));
    assert_int_equal(judge_entry(world, 2, 4, world->entries[2], &facts, &err), HM_EREFUSED);
    assert_non_null(strstr(err.text, "not of its newest"));
    assert_int_equal(judge_entry(world, 3, 4, world->entries[3], &facts, &err), HM_EAGAIN);
    /* What is said to be the entry is in the tree, or not. */
    assert_int_equal(judge_entry(world, 3, 4, world->entries[2], &facts, &err), HM_EMISMATCH);
    assert_int_equal(judge_entry(world, 2, 3, NULL, &facts, &err), HM_EFORMAT);
}

static void test_newest__is_a_snapshot_of_this_site(void **state)
{
    struct world *world = *state;
    struct hm_log_facts facts = facts_of_world();
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(judge_entry(world, 1, 2, world->entries[1], &facts, &err), HM_EREFUSED);
    assert_non_null(strstr(err.text, "hallmark/release"));
    facts.site = "other";
    assert_int_equal(judge_entry(world, 2, 3, world->entries[2], &facts, &err), HM_EREFUSED);
    assert_non_null(strstr(err.text, "site 'globex'"));
    facts.site = "globex";
    add(world, "hallmark/unheard-of v1\n");
    assert_int_equal(judge_entry(world, 3, 4, world->entries[3], &facts, &err), HM_EUNKNOWN);
}

/* ---- growth ---------------------------------------------------------------------------------- */

static enum hm_rc judge_growth(struct world *world, uint64_t old_size, uint64_t size,
                               const struct hm_sha256 *old_root, const struct hm_sha256 *begun,
                               struct hm_err *err)
{
    struct hm_merkle_source source = {.node = node, .ctx = world};
    struct hm_merkle_proof proof;
    struct hm_log_growth growth = {.old_size = old_size, .size = size, .proof = &proof};

    assert_int_equal(
        hm_merkle_prove_consistency(world->digest, &source, old_size, size, NULL, &proof), HM_OK);
    growth.root = root_of(world, size);
    growth.begun = begun != NULL ? *begun : root_of(world, old_size);
    growth.old_root = old_root != NULL ? *old_root : root_of(world, old_size);
    return hm_log_verdict_growth(&growth, err);
}

static void test_growth__of_every_size(void **state)
{
    struct world *world = *state;
    struct hm_sha256 other = letter('x');
    struct hm_err err = HM_ERR_INIT;

    for (int i = 0; i < 8; i++)
        add(world, "entry %d\n", i);
    for (uint64_t size = 1; size <= world->count; size++) {
        for (uint64_t old_size = 1; old_size <= size; old_size++) {
            assert_int_equal(judge_growth(world, old_size, size, NULL, NULL, &err), HM_OK);
            assert_int_equal(judge_growth(world, old_size, size, &other, NULL, &err), HM_EREFUSED);
            assert_non_null(strstr(err.text, "forked"));
            /* What the site gave as its hashes is no evidence of anything. */
            assert_int_equal(judge_growth(world, old_size, size, &other, &other, &err),
                             HM_EMISMATCH);
            assert_int_equal(judge_growth(world, old_size, size, NULL, &other, &err), HM_EMISMATCH);
        }
    }
}

/* ---- entries that count ---------------------------------------------------------------------- */

HM_PRINTF(1, 2)
static struct hm_entry *entry_of(const char *format, ...)
{
    struct hm_entry *entry = NULL;
    struct hm_err err = HM_ERR_INIT;
    char text[2048];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (hm_entry_parse(hm_bytes_str(text), &err, &entry) != HM_OK)
        fail_msg("%s", err.text);
    return entry;
}

static void test_counts__what_its_snapshot_lists(void **state)
{
    static const struct {
        uint64_t release, snapshot;
        const char *closing, *newest; /* the last lines of the entries; NULL: none */
        enum hm_rc rc;
        const char *word;
    } cases[] = {
        {10, 13, "entries 10 3\n", NULL, HM_OK, NULL},
        {12, 13, "entries 10 3\n", "entries 0 0\n", HM_OK, NULL},
        {12, 13, "entries 10 3\nvoid 3 7\n", "entries 9999 0\nvoid 3 7\nvoid 14 9\n", HM_OK, NULL},
        {9, 13, "entries 10 3\n", NULL, HM_EREFUSED, "batch"},
        {13, 13, "entries 10 3\n", NULL, HM_EREFUSED, "batch"},
        {14, 13, "entries 10 3\n", NULL, HM_EREFUSED, "batch"},
        {10, 14, "entries 10 3\n", NULL, HM_EREFUSED, "batch"},
        {10, 12, "entries 10 3\n", NULL, HM_EREFUSED, "batch"},
        {10, 1, "entries 10 3\n", NULL, HM_EREFUSED, "batch"},
        {10, 13, "entries 0 0\n", NULL, HM_EREFUSED, "batch"},
        {10, 13, "entries 10 3\nvoid 10 1\n", NULL, HM_EREFUSED, "void"},
        {12, 13, "entries 10 3\n", "entries 9999 0\nvoid 11 2\n", HM_EREFUSED, "void"},
        {12, 13, "entries 10 3\n", "entries 9999 0\nvoid 13 1\n", HM_EREFUSED, "void"},
        {12, 13, "entries 10 3\n", "entries 9999 0\nvoid 1 1\nvoid 5 900\n", HM_EREFUSED, "void"},
    };
    struct world *world = *state;
    _hm_free_(hm_entry_free) struct hm_entry *release = entry_of("%s", world->entries[1]);

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_free_(hm_entry_free) struct hm_entry *closing =
            entry_of(SNAPSHOT "%s", hex('s'), hex('r'), hex('m'), cases[i].closing);
        _hm_free_(hm_entry_free) struct hm_entry *newest = NULL;
        struct hm_log_release judged = {cases[i].release, cases[i].snapshot, release, closing};
        struct hm_err err = HM_ERR_INIT;

        if (cases[i].newest != NULL)
            newest = entry_of(SNAPSHOT "%s", hex('t'), hex('r'), hex('m'), cases[i].newest);
        if (hm_log_verdict_counts(&judged, newest, "globex", &err) != cases[i].rc ||
            (cases[i].word != NULL && strstr(err.text, cases[i].word) == NULL))
            fail_msg("case %zu: %s", i, err.text);
    }
}

static void test_counts__entries_of_the_right_kind_and_site(void **state)
{
    struct world *world = *state;
    _hm_free_(hm_entry_free) struct hm_entry *release = entry_of("%s", world->entries[1]);
    _hm_free_(hm_entry_free) struct hm_entry *closing = entry_of("%s", world->entries[2]);
    _hm_free_(hm_entry_free) struct hm_entry *root = entry_of("%s", world->entries[0]);
    struct hm_log_release good = {1, 2, release, closing};
    struct hm_log_release no_release = {1, 2, root, closing};
    struct hm_log_release no_snapshot = {1, 2, release, root};

    assert_int_equal(hm_log_verdict_counts(&good, NULL, "globex", NULL), HM_OK);
    assert_int_equal(hm_log_verdict_counts(&good, NULL, "other", NULL), HM_EREFUSED);
    assert_int_equal(hm_log_verdict_counts(&no_release, NULL, "globex", NULL), HM_EREFUSED);
    assert_int_equal(hm_log_verdict_counts(&no_snapshot, NULL, "globex", NULL), HM_EREFUSED);
}

static void test_image__is_the_one_of_the_entry(void **state)
{
    static const struct {
        const char *path, *file;
        char digest;
        uint64_t length;
        enum hm_rc rc;
        const char *word;
    } cases[] = {
        {"acme/nic/1.0", "a.rom", 'a', 100, HM_OK, NULL},
        {"acme/nic/1.0", "b.rom", 'b', 200, HM_OK, NULL},
        {"acme/nic/1.1", "a.rom", 'a', 100, HM_EREFUSED, "acme/nic/1.1"},
        {"acme/nic/1.0", "c.rom", 'a', 100, HM_EREFUSED, "c.rom"},
        {"acme/nic/1.0", "a.rom", 'b', 100, HM_EREFUSED, "other bytes"},
        {"acme/nic/1.0", "a.rom", 'a', 101, HM_EREFUSED, "other bytes"},
        {"acme/nic/1.0", "a.ro", 'a', 100, HM_EREFUSED, "a.ro"},
        {"acme/nic/1.0", "A.rom", 'a', 100, HM_EREFUSED, "A.rom"},
    };
    struct world *world = *state;
    _hm_free_(hm_entry_free) struct hm_entry *release = entry_of("%s", world->entries[1]);

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct hm_sha256 digest = letter(cases[i].digest);
        struct hm_err err = HM_ERR_INIT;

        if (hm_log_verdict_image(release, hm_bytes_str(cases[i].path), hm_bytes_str(cases[i].file),
                                 &digest, cases[i].length, &err) != cases[i].rc ||
            (cases[i].word != NULL && strstr(err.text, cases[i].word) == NULL))
            fail_msg("case %zu: %s", i, err.text);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_checkpoint__meets_every_demand),
        TEST(test_checkpoint__counts_a_witness_of_two_policies_once),
        TEST(test_checkpoint__is_of_the_log_that_root_names),
        TEST(test_unlogged__meets_no_demand),
        TEST(test_newest__names_snapshot_and_root),
        TEST(test_newest__is_refused_for_another_snapshot_or_root),
        TEST(test_newest__is_the_last_entry_of_the_tree),
        TEST(test_newest__is_a_snapshot_of_this_site),
        TEST(test_growth__of_every_size),
        TEST(test_counts__what_its_snapshot_lists),
        TEST(test_counts__entries_of_the_right_kind_and_site),
        TEST(test_image__is_the_one_of_the_entry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
