/* SPDX-License-Identifier: Apache-2.0 */
/* match/modules: equal ones are paired wherever they lie; what is left is told once. */
#include "match_kit.h"

#include "match/modules.h"

/* A module by a letter (its name) and a digit (its bytes). */
static struct hm_part module(const char *text)
{
    struct hm_part part = {.kind = HM_IMAGE_VOLUME_FILE, .is_module = true, .has_guid = true};

    memset(part.guid.bytes, text[0], HM_GUID_SIZE);
    memset(part.sha256.bytes, text[1], HM_SHA256_SIZE);
    part.sha256.bytes[0] = (uint8_t)text[0];
    return part;
}

static struct hm_contents list(const char *text, struct hm_part *parts)
{
    struct hm_contents contents = {.parts = parts};

    for (; *text != '\0'; text += text[2] == '\0' ? 2 : 3)
        parts[contents.part_count++] = module(text);
    return contents;
}

/* "c2" of the image is changed; "+d1" added, "-b1" missing. */
static void assert_differences(const char *image, const char *release, size_t equal,
                               const char *differences)
{
    _hm_done_(hm_modules_done) struct hm_modules modules = {0};
    struct hm_part ours[16], theirs[16];
    struct hm_contents a = list(image, ours);
    struct hm_contents b = list(release, theirs);
    char text[256] = "";

    assert_int_equal(hm_modules_compare(&a, &b, NULL, &modules), HM_OK);
    assert_int_equal(modules.equal_count, equal);
    for (size_t i = 0; i < modules.difference_count; i++) {
        const struct hm_part *part = modules.differences[i].part;
        static const char *const marks[] = {"", "+", "-"};
        size_t size = strlen(text);

        (void)snprintf(text + size, sizeof(text) - size, "%s%s%c%c", i == 0 ? "" : " ",
                       marks[modules.differences[i].change], part->guid.bytes[0],
                       part->sha256.bytes[1]);
    }
    assert_string_equal(text, differences);
}

static void test_compare__table(void **state)
{
    assert_differences("", "", 0, "");
    assert_differences("a1 b1 c1", "a1 b1 c1", 3, "");
    assert_differences("c1 a1 b1", "a1 b1 c1", 3, "");
    assert_differences("a1 b2 c1", "a1 b1 c1", 2, "b2");
    assert_differences("a1 c1", "a1 b1 c1", 2, "-b1");
    assert_differences("a1 b1 c1 d1", "a1 b1 c1", 3, "+d1");
    assert_differences("", "a1 b1", 0, "-a1 -b1");
    assert_differences("a1 b1", "", 0, "+a1 +b1");
}

static void test_compare__one_pairs_with_one(void **state)
{
    /* The same module twice in the image, once in the release. */
    assert_differences("a1 a1", "a1", 1, "+a1");
    assert_differences("a1", "a1 a1", 1, "-a1");
    /* Two of one name: the equal one is not taken for the changed one. */
    assert_differences("a2 a1", "a1 a3", 1, "a2");
    assert_differences("a1 a2 a3", "a3 a4", 1, "a1 +a2");
}

static void test_compare__what_is_no_module_is_not_looked_at(void **state)
{
    _hm_done_(hm_modules_done) struct hm_modules modules = {0};
    struct hm_part part = module("a1");
    struct hm_contents image = {.parts = &part, .part_count = 1};
    struct hm_contents release = {.part_count = 0};

    part.is_module = false;
    assert_int_equal(hm_modules_compare(&image, &release, NULL, &modules), HM_OK);
    assert_int_equal(modules.image_count + modules.difference_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_compare__table),
        cmocka_unit_test(test_compare__one_pairs_with_one),
        cmocka_unit_test(test_compare__what_is_no_module_is_not_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
