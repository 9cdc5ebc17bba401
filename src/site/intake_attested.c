/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Releases of makers that do not take part: the vendor's word alone, said as such (intake.h). Who
 * received the files, when and whence stands in custom.vendor.origin, which approvers sign.
 */
#include "site/intake_internal.h"

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "image/measure.h"

#define HM_ATTESTED_BLOCK_SIZE (1 << 20)

static enum hm_rc check_text(const char *what, const char *text, struct hm_err *err)
{
    if (text != NULL && (text[0] == '\0' || strlen(text) > HM_INTAKE_TEXT_SIZE_MAX ||
                         !hm_text_is_utf8(hm_bytes_str(text))))
        return hm_fail(err, HM_EUSAGE, "--%s takes 1 to %d bytes of UTF-8", what,
                       HM_INTAKE_TEXT_SIZE_MAX);
    return HM_OK;
}

static enum hm_rc write_custom(const struct hm_intake_attested *input, struct hm_intake *intake,
                               struct hm_err *err, struct hm_buf *ret_custom)
{
    _hm_done_(hm_buf_done) struct hm_buf measurements = HM_BUF_INIT(HM_MEASURE_SIZE_MAX);
    const struct hm_site *site = intake->site;
    struct hm_json_writer writer;

    if (input->origin == NULL)
        return hm_fail(err, HM_EUSAGE,
                       "--origin is needed: who received these files, when, and from whom");
    HM_TRY(check_text("origin", input->origin, err));
    HM_TRY(check_text("title", input->title, err));
    HM_TRY(check_text("label", input->label, err));
    HM_TRY(check_text("date", input->date, err));
    if (site->inspect_program != NULL)
        HM_TRY(hm_measure_files(site->inspect_program, input->paths, input->path_count, err,
                                &measurements, intake->report));
    hm_json_writer_init(&writer, ret_custom, false);
    hm_json_writer_object_begin(&writer);
    if (input->date != NULL)
        hm_json_writer_key_str(&writer, "date", input->date);
    if (input->label != NULL)
        hm_json_writer_key_str(&writer, "label", input->label);
    if (measurements.size > 0) {
        hm_json_writer_key(&writer, "measurements");
        hm_json_writer_raw(&writer, hm_buf_bytes(&measurements));
    }
    if (input->title != NULL)
        hm_json_writer_key_str(&writer, "title", input->title);
    hm_json_writer_key(&writer, "vendor");
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "origin", input->origin);
    hm_json_writer_key(&writer, "received");
    hm_json_writer_time(&writer, site->now_unix_s);
    hm_json_writer_object_end(&writer);
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

static enum hm_rc copy_fd(struct hm_intake *intake, int fd, const char *name, struct hm_err *err,
                          struct hm_file_facts *facts)
{
    _hm_done_(hm_file_writer_done) struct hm_file_writer writer = HM_FILE_WRITER_INIT;
    _hm_free_(hm_digest_free) struct hm_digest *digest = NULL;
    _hm_free_(free) char *block = malloc(HM_ATTESTED_BLOCK_SIZE);

    if (block == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_digest_new(HM_DIGEST_SHA256, err, &digest));
    HM_TRY(hm_file_writer_open(&intake->dir, name, 0644, false, err, &writer));
    for (;;) {
        ssize_t got = read(fd, block, HM_ATTESTED_BLOCK_SIZE);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return hm_error_errno(err, errno, "cannot be read");
        if (got == 0)
            break;
        HM_TRY(hm_digest_update(digest, hm_bytes_make(block, (size_t)got), err));
        HM_TRY(hm_file_writer_write(&writer, hm_bytes_make(block, (size_t)got), err));
        facts->length += (uint64_t)got;
    }
    facts->has_length = facts->has_sha256 = true;
    HM_TRY(hm_digest_final(digest, err, facts->sha256.bytes));
    return hm_file_writer_commit(&writer, err);
}

static enum hm_rc take_file(struct hm_intake *intake, const struct hm_intake_attested *input,
                            const char *path, struct hm_bytes custom, struct hm_targets *content,
                            struct hm_err *err)
{
    const char *slash = strrchr(path, '/');
    _hm_done_(hm_buf_done) struct hm_buf target_path = HM_BUF_INIT(HM_TARGETS_PATH_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf name = HM_BUF_INIT(2048);
    struct hm_target target = {.custom = custom};
    struct hm_path parts;
    enum hm_rc rc;
    int fd;

    HM_TRY(hm_buf_append_fmt(&target_path, err, "%s/%s", input->release,
                             slash == NULL ? path : slash + 1));
    target.path = hm_buf_bytes(&target_path);
    HM_TRY(hm_layout_parse_path(target.path, err, &parts));
    if (hm_targets_find(content, target.path) != NULL)
        return hm_fail(err, HM_EUSAGE, "'%s': a file of that name was given already", path);
    HM_TRY(hm_buf_append_fmt(&name, err, "images/%s", hm_buf_str(&target_path)));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return hm_error_errno(err, errno, "'%s'", path);
    rc = copy_fd(intake, fd, hm_buf_str(&name), err, &target.facts);
    (void)close(fd); /* only read from */
    if (rc != HM_OK)
        return hm_error_prefix(err, rc, "'%s'", path);
    return hm_targets_put(content, &target, err);
}

/* The unsigned document that stands for the submission; its digest is the submission's id. */
static enum hm_rc write_content(struct hm_intake *intake, const struct hm_targets *content,
                                struct hm_err *err, struct hm_sha256 *ret_id)
{
    _hm_done_(hm_buf_done) struct hm_buf canonical = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_DOCUMENT_TARGETS_SIZE_MAX);

    HM_TRY(hm_targets_write(content, err, &canonical));
    HM_TRY(hm_envelope_write(hm_buf_bytes(&canonical), NULL, 0, err, &raw));
    HM_TRY(hm_digest_sha256(hm_buf_bytes(&raw), err, ret_id));
    return hm_file_replace(&intake->dir, "attested.json", 0600, hm_buf_bytes(&raw), err);
}

static enum hm_rc take(struct hm_intake *intake, const struct hm_intake_attested *input,
                       struct hm_targets *content, struct hm_err *err,
                       struct hm_intake_result *result)
{
    _hm_done_(hm_buf_done) struct hm_buf custom = HM_BUF_INIT(HM_LAYOUT_CUSTOM_SIZE_MAX);
    const struct hm_layout_maker *maker;
    struct hm_staged_document documents[1];
    struct hm_sha256 id;
    char name[HM_LAYOUT_ID_SIZE_MAX + 1];
    size_t size = strcspn(input->release, "/");

    if (size >= sizeof(name) || input->release[size] != '/')
        return hm_fail(err, HM_EUSAGE, "'%s' is no ID/PRODUCT/VERSION", input->release);
    memcpy(name, input->release, size);
    name[size] = '\0';
    HM_TRY(hm_intake_find_maker(intake, name, true, err, &maker));
    HM_TRY(write_custom(input, intake, err, &custom));
    content->document.version = 1;
    content->document.expires_unix_s =
        intake->site->now_unix_s + intake->site->config.expiry.release_s;
    for (size_t i = 0; i < input->path_count; i++)
        HM_TRY(take_file(intake, input, input->paths[i], hm_buf_bytes(&custom), content, err));
    documents[0] = (struct hm_staged_document){.role = intake->release_role, .targets = content};
    intake->staged.documents = documents;
    intake->staged.document_count = HM_ARRAY_COUNT(documents);
    intake->staged.content = content;
    HM_TRY(hm_intake_check(intake, err, result));
    if (result->brought_count == 0)
        return hm_fail(err, HM_EREFUSED, "all of it is published already");
    HM_TRY(hm_intake_scan(intake, err));
    HM_TRY(write_content(intake, content, err, &id));
    return hm_intake_end(intake, &id, err, result);
}

enum hm_rc hm_intake_attested(const struct hm_site *site, const struct hm_intake_attested *input,
                              struct hm_err *err, struct hm_buf *report,
                              struct hm_intake_result *ret_result)
{
    _hm_free_(hm_targets_free) struct hm_targets *content = NULL;
    _hm_done_(hm_intake_done) struct hm_intake intake = HM_INTAKE_INIT;
    struct hm_intake_result result = {.id = ""};

    intake.report = report;
    if (input->path_count == 0 || input->path_count > HM_INTAKE_FILE_COUNT_MAX)
        return hm_fail(err, HM_EUSAGE, "give 1 to %d files", HM_INTAKE_FILE_COUNT_MAX);
    HM_TRY(hm_intake_begin(&intake, site, err));
    HM_TRY(hm_targets_new(err, &content));
    HM_TRY(take(&intake, input, content, err, &result));
    *ret_result = result;
    return HM_OK;
}
