/* SPDX-License-Identifier: Apache-2.0 */
/* exchange/review, whole documents: what people read before they sign, warnings first, nothing
 * forged. */
#include "unit.h"

#include "base/text.h"
#include "exchange/review.h"
#include "exchange_kit.h"

#define BUF HM_BUF_INIT(1 << 22)

/* Two versions of one document and their review. */
struct pair {
    struct hm_targets *targets; /* changed between snap()s */
    struct hm_buf before, after, text;
    struct hm_err err;
};

static void start(struct pair *pair)
{
    *pair = (struct pair){.before = BUF, .after = BUF, .text = BUF};
    assert_int_equal(hm_targets_new(NULL, &pair->targets), HM_OK);
    pair->targets->document.version = 4;
    pair->targets->document.expires_unix_s = INT64_C(1809129600); /* 2027-05-01 */
    kit_x_hallmark(pair->targets, "{\"site\":\"globex\"}");
    kit_maker_put(pair->targets, "acme/nic/1.0/a.rom", "hello", "{\"title\":\"NIC ROM\"}");
}

static void snap(const struct pair *pair, struct hm_buf *raw)
{
    kit_targets(pair->targets, NULL, 0, raw);
}

static const char *review(struct pair *pair, const char *role)
{
    snap(pair, &pair->after);
    assert_int_equal(hm_review_document(role, hm_buf_bytes(&pair->before),
                                        hm_buf_bytes(&pair->after), &pair->err, &pair->text),
                     HM_OK);
    return hm_buf_str(&pair->text);
}

static void end(struct pair *pair)
{
    hm_targets_free(pair->targets);
    hm_buf_done(&pair->before);
    hm_buf_done(&pair->after);
    hm_buf_done(&pair->text);
}

static void assert_has(const char *text, const char *words)
{
    if (strstr(text, words) == NULL)
        fail_msg("'%s' is not in:\n%s", words, text);
}

static void test_document__shows_a_new_release_in_full(void **state)
{
    struct pair pair;

    start(&pair);
    snap(&pair, &pair.before);
    pair.targets->document.version = 5;
    pair.targets->document.expires_unix_s = INT64_C(1827014400); /* 2027-11-24 */
    kit_maker_put(pair.targets, "acme/nic/1.1/a.rom", "world", "{\"title\":\"NIC ROM\"}");
    kit_maker_put(pair.targets, "acme/nic/1.1/long-name.rom", "!", "{\"title\":\"NIC ROM\"}");
    assert_string_equal(review(&pair, "release~acme"),
                        "release~acme  version 4 -> 5, expires 2027-11-24 (was 2027-05-01)\n"
                        "    + acme/nic/1.1  \"NIC ROM\"\n"
                        "        a.rom                5 B  sha256 "
                        "486ea46224d1bb4fb680f34f7c9ad96a8f24ec88be73ea8e5a6c65260e9cb8a7\n"
                        "        long-name.rom        1 B  sha256 "
                        "bb7208bc9b5d7c04f1236a82a0093a5e33f40423d5ba8d4266f7092c3ba43b62\n"
                        "          custom {\"title\":\"NIC ROM\"}\n"
                        "    releases: 1 added, 0 changed, 0 removed; 2 in all\n");
    end(&pair);
}

static void test_document__says_so_where_nothing_changes(void **state)
{
    struct pair pair;

    start(&pair);
    snap(&pair, &pair.before);
    pair.targets->document.version = 5;
    assert_string_equal(review(&pair, "release~acme"),
                        "release~acme  version 4 -> 5, expires 2027-05-01 (as before)\n"
                        "    nothing else changes\n");
    end(&pair);
}

static void bend_bytes(struct hm_targets *targets)
{
    kit_maker_put(targets, "acme/nic/1.0/a.rom", "HELLO", "{\"title\":\"NIC ROM\"}");
}

static void bend_more(struct hm_targets *targets)
{
    kit_maker_put(targets, "acme/nic/1.0/b.rom", "more", NULL);
}

static void bend_removed(struct hm_targets *targets)
{
    targets->target_count = 0;
}

static void bend_foreign(struct hm_targets *targets)
{
    kit_maker_put(targets, "bolt/nic/1.0/a.rom", "hello", NULL);
}

static void bend_expiry(struct hm_targets *targets)
{
    targets->document.expires_unix_s += 2 * hm_review_default_expiry_s("release~acme") + 1;
}

static void bend_version(struct hm_targets *targets)
{
    targets->document.version = 3;
}

static void bend_site(struct hm_targets *targets)
{
    kit_x_hallmark(targets, "{\"site\":\"initech\"}");
}

static void bend_member(struct hm_targets *targets)
{
    kit_x_hallmark(targets, "{\"backdoor\":true,\"site\":\"globex\"}");
}

static void bend_custom(struct hm_targets *targets)
{
    kit_maker_put(targets, "acme/nic/1.0/a.rom", "hello", "{\"title\":\"Other\"}");
}

static void bend_expiry_a_little(struct hm_targets *targets)
{
    targets->document.expires_unix_s += 2 * hm_review_default_expiry_s("release~acme");
}

static void test_document__warns_first(void **state)
{
    static const struct {
        void (*bend)(struct hm_targets *targets);
        const char *warning; /* NULL: none */
    } cases[] = {
        {bend_bytes, "WARNING: release~acme: a version that exists gets other bytes: "
                     "acme/nic/1.0/a.rom\n"},
        {bend_more, "WARNING: release~acme: a version that exists gets one more file: "
                    "acme/nic/1.0/b.rom\n"},
        {bend_removed, "WARNING: release~acme: a file is removed: acme/nic/1.0/a.rom\n"},
        {bend_foreign, "WARNING: release~acme: the role may not speak for this path: "
                       "bolt/nic/1.0/a.rom\n"},
        {bend_expiry, "WARNING: release~acme: the expiry is put off from 2027-05-01 to "},
        {bend_version, "WARNING: release~acme: the version goes back from 4 to 3\n"},
        {bend_site, "WARNING: release~acme: site changes from 'globex' to 'initech'\n"},
        {bend_member, "WARNING: release~acme: \"x-hallmark\" has a member that is not known here: "
                      "backdoor: true\n"},
        {bend_custom, NULL},
        {bend_expiry_a_little, NULL},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct pair pair;
        const char *text;

        start(&pair);
        snap(&pair, &pair.before);
        cases[i].bend(pair.targets);
        text = review(&pair, "release~acme");
        if (cases[i].warning == NULL && strstr(text, "WARNING") != NULL)
            fail_msg("case %zu warns:\n%s", i, text);
        if (cases[i].warning != NULL &&
            strncmp(text, cases[i].warning, strlen(cases[i].warning)) != 0)
            fail_msg("case %zu does not warn first:\n%s", i, text);
        end(&pair);
    }
}

static void test_document__shows_both_sides_of_a_change(void **state)
{
    struct pair pair;
    const char *text;

    start(&pair);
    snap(&pair, &pair.before);
    bend_bytes(pair.targets);
    text = review(&pair, "release~acme");
    assert_has(text, "    ~ acme/nic/1.0  \"NIC ROM\"\n");
    assert_has(text, "- a.rom        5 B  sha256 "
                     "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n");
    assert_has(text, "+ a.rom        5 B  sha256 "
                     "3733cd977ff8eb18b987357e22ced99f46097f31ecb239e878ae63760e83e4d5\n");
    end(&pair);
    start(&pair);
    snap(&pair, &pair.before);
    bend_custom(pair.targets);
    text = review(&pair, "release~acme");
    assert_has(text, "custom was {\"title\":\"NIC ROM\"}\n");
    assert_has(text, "custom now {\"title\":\"Other\"}\n");
    end(&pair);
}

static void test_document__cannot_be_made_to_lie(void **state)
{
    struct pair pair;
    const char *text;

    start(&pair);
    snap(&pair, &pair.before);
    kit_maker_put(pair.targets, "acme/nic/1.1/a.rom", "x",
                  "{\"title\":\"ok\\n    nothing else changes\\u001b[8m\\u202e\"}");
    text = review(&pair, "release~acme");
    assert_null(strstr(text, "\n    nothing else changes"));
    assert_null(strchr(text, '\x1b'));
    assert_null(strstr(text, "\xe2\x80\xae"));
    assert_has(text, "\"ok\\x0a    nothing else changes\\x1b[8m\\u{202e}\"");
    end(&pair);
}

static void test_document__shows_delegations_and_makers(void **state)
{
    static const enum kit_key one[] = {KIT_ROOT};
    struct hm_err err = HM_ERR_INIT;
    _hm_done_(hm_buf_done) struct hm_buf before = BUF;
    _hm_done_(hm_buf_done) struct hm_buf after = BUF;
    _hm_done_(hm_buf_done) struct hm_buf text = BUF;
    const struct hm_key *keys[] = {kit_key(KIT_RELEASE), kit_key(KIT_BOLT)};
    const char *path = "acme/*/*/*";
    struct kit_site site;

    kit_site_init(&site);
    assert_int_equal(kit_layout(&site, &err), HM_OK);
    assert_int_equal(
        hm_targets_delegate(site.targets, "release~acme", keys, 2, 2, &path, 1, true, &err), HM_OK);
    kit_targets(site.targets, one, 1, &before);
    assert_int_equal(
        hm_review_document("targets", HM_BYTES_EMPTY, hm_buf_bytes(&before), &err, &text), HM_OK);
    assert_has(hm_buf_str(&text), "targets  version 1 (new)");
    assert_has(hm_buf_str(&text), "+ role release~acme for acme/*/*/*, terminating");
    assert_has(hm_buf_str(&text), "keys of 'release~acme': threshold 2 of 2");
    assert_has(hm_buf_str(&text), hm_key_id(kit_key(KIT_BOLT)));
    assert_has(hm_buf_str(&text), "+ maker bolt  \"Bolt Disks\", grade attested");
    assert_null(strstr(hm_buf_str(&text), "WARNING"));

    /* A lowered threshold, a removed key, a changed path, a role gone, a grade that falls. */
    path = "acme/nic/*/*";
    assert_int_equal(
        hm_targets_delegate(site.targets, "release~acme", keys, 1, 1, &path, 1, true, &err), HM_OK);
    site.list[0].is_attested = true;
    site.makers->delegations.role_count = 0;
    (void)kit_layout(&site, &err); /* no layout any more; the words must say why */
    kit_targets(site.targets, one, 1, &after);
    hm_buf_clear(&text);
    assert_int_equal(
        hm_review_document("targets", hm_buf_bytes(&before), hm_buf_bytes(&after), &err, &text),
        HM_OK);
    assert_has(hm_buf_str(&text), "WARNING: targets: keys of 'release~acme': the threshold is "
                                  "lowered from 2 to 1\n");
    assert_has(hm_buf_str(&text), "WARNING: targets: keys of 'release~acme': a key is removed: "
                                  "ed25519 ");
    assert_has(hm_buf_str(&text),
               "WARNING: targets: what role 'release~acme' speaks for changes\n");
    assert_has(hm_buf_str(&text), "WARNING: targets: role 'maker~acme' is removed\n");
    assert_has(hm_buf_str(&text), "WARNING: targets: maker 'acme': its grade changes\n");
    kit_site_done(&site);
}

static void test_document__shows_roots_and_identities(void **state)
{
    static const enum kit_key two[] = {KIT_ROOT, KIT_BOLT};
    static const enum kit_key acme[] = {KIT_ACME1, KIT_ACME2};
    struct hm_err err = HM_ERR_INIT;
    _hm_done_(hm_buf_done) struct hm_buf before = BUF;
    _hm_done_(hm_buf_done) struct hm_buf after = BUF;
    _hm_done_(hm_buf_done) struct hm_buf text = BUF;

    kit_root_version(1, two, 2, 2, NULL, 0, &before);
    kit_root_version(2, two, 1, 1, NULL, 0, &after);
    assert_int_equal(
        hm_review_document("root", hm_buf_bytes(&before), hm_buf_bytes(&after), &err, &text),
        HM_OK);
    assert_has(hm_buf_str(&text), "WARNING: root: keys of 'root': the threshold is lowered from 2 "
                                  "to 1\n");
    assert_has(hm_buf_str(&text), "    keys of 'root': threshold 1 of 1 (was 2 of 2)\n");
    hm_buf_clear(&text);
    hm_buf_clear(&after);
    kit_identity("acme", 1, acme, 2, 2, NULL, 0, &after);
    assert_int_equal(
        hm_review_document("identity", HM_BYTES_EMPTY, hm_buf_bytes(&after), &err, &text), HM_OK);
    assert_has(hm_buf_str(&text), "identity  version 1 (new)\n    maker: acme\n    name: Acme "
                                  "Networks\n    keys: threshold 2 of 2\n");
}

/* A root with this x-hallmark, the two with {} filled in. */
static void root_with(const char *x_hallmark, struct hm_buf *ret_raw)
{
    hm_buf_clear(ret_raw);
    kit_root(x_hallmark, ret_raw);
}

#define LOG_KEY   "example.com/hallmark-test+13aba541+AZsfhHkc/HZjBFhU04netcqVRJ2HXydqg4QLBgqznPxx"
#define LOG_KEY_2 "old.example/log+f618877d+AbDvac9mmAMfo6UM3ZhuGEswRR4MUnSlB9TyBI0y+MK1"
#define W1        "witness w1 witness.example/w1+ed8c37d6+BLDvac9mmAMfo6UM3ZhuGEswRR4MUnSlB9TyBI0y+MK1"
#define W2        "witness w2 witness.example/w2+e98dbcf5+BABFkvNHqYw4x6+j1IuU+y8gnpX7dIL2Ls4uw87USZkh"
#define DELIVERIES(key, log, text)                                                                 \
    "{\"site\":\"globex\",\"deliveries\":{\"key\":\"" key "\",\"policy\":\"log " log "\\n" text    \
    "\"}}"
#define LOG(text) "{\"site\":\"globex\",\"log\":{\"policy\":\"log " LOG_KEY "\\n" text "\"}}"

static void test_document__shows_the_log_and_its_witnesses(void **state)
{
    static const struct {
        const char *before, *after;
        const char *lines[6];
    } cases[] = {
        {NULL,
         LOG("quorum none\\n"),
         {"WARNING: root: no witness has to see the release log\n",
          "    release log: " LOG_KEY "\n", "        quorum: none: no witness is needed\n"}},
        {LOG("quorum none\\n"),
         LOG(W1 " https://w1.example\\n" W2 "\\ngroup both all w1 w2\\nquorum both\\n"),
         {"        + witness w1: witness.example/w1+ed8c37d6+"
          "BLDvac9mmAMfo6UM3ZhuGEswRR4MUnSlB9TyBI0y+MK1, https://w1.example\n",
          "        + witness w2: witness.example/w2+e98dbcf5+"
          "BABFkvNHqYw4x6+j1IuU+y8gnpX7dIL2Ls4uw87USZkh, without an address\n",
          "        quorum: 2 of (w1, w2) (was none: no witness is needed)\n"}},
        {LOG(W1 "\\n" W2 "\\ngroup both all w1 w2\\nquorum both\\n"),
         LOG(W1 "\\nquorum w1\\n"),
         {"WARNING: root: the quorum of witnesses changes from 2 of (w1, w2) to w1\n",
          "WARNING: root: a witness of the release log is removed: w2, witness.example/w2+",
          "        - witness w2: ", "        quorum: w1 (was 2 of (w1, w2))\n"}},
        {LOG(W1 "\\nquorum w1\\n"),
         LOG(W1 "\\nquorum none\\n"),
         {"WARNING: root: no witness has to see the release log any more\n",
          "        quorum: none: no witness is needed (was w1)\n"}},
        {LOG("quorum none\\n"),
         "{\"site\":\"globex\"}",
         {"WARNING: root: clients will refuse it: ", "    release log: none any more\n"}},
        {LOG("quorum none\\n"), LOG("quorum none\\n"), {"    nothing else changes\n"}},
        {NULL,
         DELIVERIES(LOG_KEY, LOG_KEY_2, "quorum none\\n"),
         {"WARNING: root: no witness has to see the deliveries log\n",
          "    deliveries: statements signed by " LOG_KEY "\n",
          "    deliveries log: " LOG_KEY_2 "\n"}},
        {DELIVERIES(LOG_KEY, LOG_KEY_2, W2 "\\nquorum w2\\n"),
         DELIVERIES(LOG_KEY_2, LOG_KEY, "quorum none\\n"),
         {"WARNING: root: no witness has to see the deliveries log any more\n",
          "WARNING: root: the deliveries log begins anew: ",
          "WARNING: root: a witness of the deliveries log is removed: w2, ",
          "    deliveries: statements signed by " LOG_KEY_2 " (was " LOG_KEY ")\n",
          "    deliveries log: " LOG_KEY " (was " LOG_KEY_2 ")\n"}},
        {DELIVERIES(LOG_KEY, LOG_KEY_2, "quorum none\\n"),
         "{\"site\":\"globex\"}",
         {"WARNING: root: what was delivered to whom can be proved by nobody any more\n",
          "    deliveries: none are stated any more\n"}},
    };

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_buf_done) struct hm_buf before = BUF;
        _hm_done_(hm_buf_done) struct hm_buf after = BUF;
        _hm_done_(hm_buf_done) struct hm_buf text = BUF;

        if (cases[i].before != NULL)
            root_with(cases[i].before, &before);
        root_with(cases[i].after, &after);
        assert_int_equal(
            hm_review_document("root", hm_buf_bytes(&before), hm_buf_bytes(&after), NULL, &text),
            HM_OK);
        for (size_t j = 0; j < 6 && cases[i].lines[j] != NULL; j++)
            assert_has(hm_buf_str(&text), cases[i].lines[j]);
        assert_null(strstr(hm_buf_str(&text), "not known here"));
    }
}

static void test_document__shows_a_closed_log(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf before = BUF;
    _hm_done_(hm_buf_done) struct hm_buf after = BUF;
    _hm_done_(hm_buf_done) struct hm_buf text = BUF;
    struct hm_err err = HM_ERR_INIT;

    root_with("{\"site\":\"globex\",\"log\":{\"policy\":\"log " LOG_KEY_2 "\\nquorum none\\n\"}}",
              &before);
    root_with("{\"site\":\"globex\",\"log\":{\"policy\":\"log " LOG_KEY
              "\\nquorum none\\n\",\"closed\":[{\"vkey\":\"" LOG_KEY_2 "\",\"size\":17,\"root\":"
              "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"}]}}",
              &after);
    if (hm_review_document("root", hm_buf_bytes(&before), hm_buf_bytes(&after), &err, &text) !=
        HM_OK)
        fail_msg("%s", err.text);
    assert_has(hm_buf_str(&text), "    release log: " LOG_KEY " (was " LOG_KEY_2 ")\n");
    assert_has(hm_buf_str(&text), "        closes the log " LOG_KEY_2 " at 17 entries, root 0011");
    assert_has(hm_buf_str(&text), "WARNING: root: the release log 'old.example/log' is closed: ");
    assert_null(strstr(hm_buf_str(&text), "clients will refuse"));
}

static void test_document__refuses_a_log_that_it_cannot_read(void **state)
{
    _hm_done_(hm_buf_done) struct hm_buf after = BUF;
    _hm_done_(hm_buf_done) struct hm_buf text = BUF;

    root_with("{\"site\":\"globex\",\"log\":{\"policy\":\"quorum none\\n\"}}", &after);
    assert_int_equal(hm_review_document("root", HM_BYTES_EMPTY, hm_buf_bytes(&after), NULL, &text),
                     HM_EFORMAT);
    assert_int_equal(text.size, 0);
}

static void test_document__refuses_what_it_cannot_read(void **state)
{
    struct hm_err err = HM_ERR_INIT;
    _hm_done_(hm_buf_done) struct hm_buf text = BUF;
    struct pair pair;

    start(&pair);
    snap(&pair, &pair.before);
    snap(&pair, &pair.after);
    assert_int_equal(
        hm_review_document("root", HM_BYTES_EMPTY, hm_buf_bytes(&pair.after), &err, &text),
        HM_EFORMAT);
    assert_int_equal(
        hm_review_document("snapshot", HM_BYTES_EMPTY, hm_buf_bytes(&pair.after), &err, &text),
        HM_EFORMAT);
    assert_int_equal(hm_review_document("targets", HM_BYTES_LITERAL("{}"),
                                        hm_buf_bytes(&pair.after), &err, &text),
                     HM_EFORMAT);
    assert_int_equal(hm_review_document("targets", HM_BYTES_EMPTY, HM_BYTES_EMPTY, &err, &text),
                     HM_EFORMAT);
    assert_int_equal(text.size, 0);
    end(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document__shows_a_new_release_in_full),
        cmocka_unit_test(test_document__says_so_where_nothing_changes),
        cmocka_unit_test(test_document__warns_first),
        cmocka_unit_test(test_document__shows_both_sides_of_a_change),
        cmocka_unit_test(test_document__cannot_be_made_to_lie),
        cmocka_unit_test(test_document__shows_delegations_and_makers),
        cmocka_unit_test(test_document__shows_roots_and_identities),
        cmocka_unit_test(test_document__shows_the_log_and_its_witnesses),
        cmocka_unit_test(test_document__shows_a_closed_log),
        cmocka_unit_test(test_document__refuses_a_log_that_it_cannot_read),
        cmocka_unit_test(test_document__refuses_what_it_cannot_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
