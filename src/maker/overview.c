/* SPDX-License-Identifier: Apache-2.0 */
/* What a maker's folder holds (overview.h). JSON is written first; words are of the same facts. */
#include "maker/overview.h"

#include "base/json_writer.h"
#include "base/text.h"
#include "base/time.h"
#include "maker/release.h"
#include "maker/rotation.h"

/* "ID/PRODUCT/VERSION" of a path. */
static struct hm_bytes release_of(struct hm_bytes path)
{
    size_t slashes = 0;

    for (size_t i = 0; i < path.size; i++) {
        if (path.data[i] == '/' && ++slashes == 3)
            return hm_bytes_make(path.data, i);
    }
    return path;
}

/* The next run of targets of one release; *index moves behind it. */
static struct hm_bytes next_release(const struct hm_targets *targets, size_t *index,
                                    size_t *ret_files)
{
    struct hm_bytes release = release_of(targets->targets[*index].path);
    size_t files = 0;

    while (*index < targets->target_count &&
           hm_bytes_is_equal(release_of(targets->targets[*index].path), release)) {
        files++;
        (*index)++;
    }
    *ret_files = files;
    return release;
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void json_keys(struct hm_json_writer *writer, const struct hm_role_keys *keys)
{
    hm_json_writer_key_int(writer, "threshold", keys->threshold);
    hm_json_writer_key(writer, "keyids");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < keys->id_count; i++)
        hm_json_writer_str(writer, keys->ids[i]);
    hm_json_writer_array_end(writer);
}

static enum hm_rc json_site(const struct hm_folder *folder, const char *site,
                            struct hm_json_writer *writer, struct hm_err *err)
{
    _hm_done_(hm_folder_content_done) struct hm_folder_content content = HM_FOLDER_CONTENT_INIT;
    const struct hm_folder_signed *newest = &content.above;
    size_t index = 0;
    size_t files;

    HM_TRY(hm_folder_load_content(folder, site, err, &content));
    if (newest->targets == NULL)
        return HM_OK;
    hm_json_writer_object_begin(writer);
    hm_json_writer_key_str(writer, "site", site);
    hm_json_writer_key_int(writer, "version", newest->targets->document.version);
    hm_json_writer_key(writer, "expires");
    hm_json_writer_time(writer, newest->targets->document.expires_unix_s);
    hm_json_writer_key_int(writer, "identity_version", newest->identity_version);
    hm_json_writer_key(writer, "releases");
    hm_json_writer_array_begin(writer);
    while (index < content.all->target_count) {
        struct hm_bytes release = next_release(content.all, &index, &files);

        hm_json_writer_object_begin(writer);
        hm_json_writer_key(writer, "release");
        hm_json_writer_string(writer, release);
        hm_json_writer_key_int(writer, "files", (int64_t)files);
        hm_json_writer_object_end(writer);
    }
    hm_json_writer_array_end(writer);
    hm_json_writer_object_end(writer);
    return HM_OK;
}

static enum hm_rc json_sites(const struct hm_folder *folder, struct hm_json_writer *writer,
                             struct hm_err *err)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char **sites;
    size_t count;

    HM_TRY(hm_folder_list(folder, false, &arena, err, &sites, &count));
    hm_json_writer_key(writer, "sites");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < count; i++)
        HM_TRY(json_site(folder, sites[i], writer, err));
    hm_json_writer_array_end(writer);
    HM_TRY(hm_folder_list(folder, true, &arena, err, &sites, &count));
    hm_json_writer_key(writer, "drafts");
    hm_json_writer_array_begin(writer);
    for (size_t i = 0; i < count; i++)
        hm_json_writer_str(writer, sites[i]);
    hm_json_writer_array_end(writer);
    return HM_OK;
}

enum hm_rc hm_overview_json(const struct hm_folder *folder, struct hm_err *err,
                            struct hm_buf *ret_json)
{
    struct hm_json_writer writer;

    hm_json_writer_init(&writer, ret_json, true);
    hm_json_writer_object_begin(&writer);
    hm_json_writer_key_str(&writer, "schema", "hallmark/maker-show/1");
    hm_json_writer_key_str(&writer, "maker", folder->maker);
    hm_json_writer_key_str(&writer, "name", folder->name);
    hm_json_writer_key_int(&writer, "identity_version",
                           folder->identity == NULL ? 0 : folder->identity->version);
    if (folder->identity != NULL) {
        hm_json_writer_key(&writer, "first");
        hm_json_writer_hex(&writer, hm_bytes_make(folder->identity->first.bytes, HM_SHA256_SIZE));
        json_keys(&writer, &folder->identity->keys);
    }
    HM_TRY(json_sites(folder, &writer, err));
    hm_json_writer_object_end(&writer);
    return hm_json_writer_end(&writer, err);
}

/* ---- words ---------------------------------------------------------------------------------- */

static enum hm_rc text_identity(const struct hm_folder *folder, struct hm_err *err,
                                struct hm_buf *text)
{
    const struct hm_identity *identity = folder->identity;
    char hex[HM_SHA256_HEX_SIZE];

    HM_TRY(hm_buf_append_fmt(text, err, "maker %s  \"", folder->maker));
    HM_TRY(hm_text_escape(text, hm_bytes_str(folder->name), err));
    HM_TRY(hm_buf_append_str(text, "\"\n", err));
    if (identity == NULL)
        return hm_buf_append_str(text, "    no identity yet: version 1 waits for signatures\n",
                                 err);
    hm_text_hex(hm_bytes_make(identity->first.bytes, HM_SHA256_SIZE), hex);
    HM_TRY(hm_buf_append_fmt(text, err,
                             "    fingerprint (first identity): %s\n"
                             "    identity version %lld, threshold %u of %zu\n",
                             hex, (long long)identity->version, identity->keys.threshold,
                             identity->keys.id_count));
    for (size_t i = 0; i < identity->keys.id_count; i++) {
        HM_TRY(hm_buf_append_str(text, "        key ", err));
        HM_TRY(hm_text_escape(text, hm_bytes_str(identity->keys.ids[i]), err));
        HM_TRY(hm_buf_append_byte(text, '\n', err));
    }
    return HM_OK;
}

static enum hm_rc text_site(const struct hm_folder *folder, const char *site, struct hm_err *err,
                            struct hm_buf *text)
{
    _hm_done_(hm_folder_content_done) struct hm_folder_content content = HM_FOLDER_CONTENT_INIT;
    const struct hm_folder_signed *newest = &content.above;
    char expires[HM_TIME_TEXT_SIZE];
    size_t index = 0;
    size_t files;

    HM_TRY(hm_folder_load_content(folder, site, err, &content));
    if (newest->targets == NULL)
        return HM_OK;
    hm_time_format(newest->targets->document.expires_unix_s, expires);
    HM_TRY(hm_buf_append_fmt(text, err, "site %s: version %lld, expires %.10s%s\n", site,
                             (long long)newest->targets->document.version, expires,
                             newest->identity_version == folder->identity->version
                                 ? ""
                                 : "; under an older identity, sign it anew"));
    while (index < content.all->target_count) {
        struct hm_bytes release = next_release(content.all, &index, &files);

        HM_TRY(hm_buf_append_str(text, "    ", err));
        HM_TRY(hm_text_escape(text, release, err));
        HM_TRY(hm_buf_append_fmt(text, err, "  %zu file%s\n", files, files == 1 ? "" : "s"));
    }
    return HM_OK;
}

static enum hm_rc text_drafts(const struct hm_folder *folder, struct hm_err *err,
                              struct hm_buf *text)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char **sites;
    size_t count;

    HM_TRY(hm_folder_list(folder, true, &arena, err, &sites, &count));
    for (size_t i = 0; i < count && folder->identity != NULL; i++) {
        struct hm_draft_state state;
        const char *role;
        int64_t version;

        HM_TRY(hm_release_state(folder, sites[i], &arena, err, &role, &version, &state));
        HM_TRY(hm_buf_append_fmt(
            text, err, "draft for site %s: %s version %lld, %u of %u signatures\n", sites[i], role,
            (long long)version, state.valid[0], state.needed[0]));
    }
    return HM_OK;
}

enum hm_rc hm_overview_text(const struct hm_folder *folder, struct hm_err *err,
                            struct hm_buf *ret_text)
{
    _hm_done_(hm_arena_done) struct hm_arena arena = HM_ARENA_INIT;
    const char **sites;
    size_t count;

    HM_TRY(text_identity(folder, err, ret_text));
    HM_TRY(hm_folder_list(folder, false, &arena, err, &sites, &count));
    for (size_t i = 0; i < count; i++)
        HM_TRY(text_site(folder, sites[i], err, ret_text));
    return text_drafts(folder, err, ret_text);
}
