/* SPDX-License-Identifier: Apache-2.0 */
/* Key files (keyfile.h). */
#include "exchange/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>

#include "base/file.h"
#include "crypto/pem.h"

static enum hm_rc check_absent(const char *path, struct hm_err *err)
{
    struct stat found;

    if (lstat(path, &found) == 0)
        return hm_fail(err, HM_EREFUSED, "'%s' exists; key files are never overwritten", path);
    if (errno != ENOENT)
        return hm_error_errno(err, errno, "'%s'", path);
    return HM_OK;
}

/* The entry itself must survive a power cut, not only the bytes. */
static enum hm_rc flush_parent(const char *path, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    _hm_free_(free) char *copy = strdup(path);

    if (copy == NULL)
        return hm_error_nomem(err);
    HM_TRY(hm_dir_open(dirname(copy), err, &dir));
    if (fsync(dir.fd) != 0)
        return hm_error_errno(err, errno, "'%s'", dir.path);
    return HM_OK;
}

static enum hm_rc write_all(int fd, struct hm_bytes bytes, const char *path, struct hm_err *err)
{
    size_t done = 0;

    while (done < bytes.size) {
        ssize_t wrote = write(fd, bytes.data + done, bytes.size - done);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return hm_error_errno(err, errno, "'%s'", path);
        done += (size_t)wrote;
    }
    if (fsync(fd) != 0)
        return hm_error_errno(err, errno, "'%s'", path);
    return flush_parent(path, err);
}

/* O_EXCL decides who makes the file; nothing that exists is opened. */
static enum hm_rc create(const char *path, mode_t mode, struct hm_bytes bytes, struct hm_err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    enum hm_rc rc;

    if (fd < 0 && errno == EEXIST)
        return hm_fail(err, HM_EREFUSED, "'%s' exists; key files are never overwritten", path);
    if (fd < 0)
        return hm_error_errno(err, errno, "'%s'", path);
    rc = write_all(fd, bytes, path, err);
    if (close(fd) != 0 && rc == HM_OK)
        rc = hm_error_errno(err, errno, "'%s'", path);
    if (rc != HM_OK)
        (void)unlink(path); /* half a key file is of no use; the first error is reported */
    return rc;
}

enum hm_rc hm_keyfile_create(const char *path, const struct hm_signer *signer,
                             const struct hm_secret *passphrase, struct hm_err *err)
{
    _hm_done_(hm_secret_done) struct hm_secret pem = HM_SECRET_INIT;
    _hm_done_(hm_buf_done) struct hm_buf public_pem = HM_BUF_INIT(HM_KEY_PUBLIC_SIZE_MAX);
    _hm_done_(hm_buf_done) struct hm_buf public_path = HM_BUF_INIT(8192);
    enum hm_rc rc;

    HM_TRY(hm_buf_append_fmt(&public_path, err, "%s.pub", path));
    HM_TRY(check_absent(path, err));
    HM_TRY(check_absent(hm_buf_str(&public_path), err));
    HM_TRY(hm_key_write_pem(hm_signer_key(signer), err, &public_pem));
    HM_TRY(hm_signer_write(signer, passphrase, err, &pem));
    HM_TRY(create(path, 0600, hm_bytes_make(pem.data, pem.size), err));
    rc = create(hm_buf_str(&public_path), 0644, hm_buf_bytes(&public_pem), err);
    if (rc != HM_OK)
        (void)unlink(path); /* both or none */
    return rc;
}

static enum hm_rc read_pem(const char *path, struct hm_err *err, struct hm_secret *ret_pem)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_KEY_PUBLIC_SIZE_MAX);
    enum hm_rc rc = hm_file_read_path(path, err, &raw);

    if (rc == HM_ENOTFOUND)
        return hm_fail(err, HM_EINPUT, "'%s': there is no such file", path);
    HM_TRY(rc);
    HM_TRY(hm_secret_init(ret_pem, raw.size + 1, err));
    if (raw.size > 0)
        memcpy(ret_pem->data, raw.data, raw.size);
    ret_pem->size = raw.size;
    if (raw.size > 0)
        explicit_bzero(raw.data, raw.size); /* it may be a private key */
    return HM_OK;
}

enum hm_rc hm_keyfile_is_public(const char *path, struct hm_err *err, bool *ret_public)
{
    _hm_done_(hm_secret_done) struct hm_secret pem = HM_SECRET_INIT;

    HM_TRY(read_pem(path, err, &pem));
    *ret_public = hm_pem_has_label(hm_bytes_make(pem.data, pem.size), "PUBLIC KEY");
    return HM_OK;
}

enum hm_rc hm_keyfile_read_public(const char *path, struct hm_err *err, struct hm_key **ret_key)
{
    _hm_done_(hm_secret_done) struct hm_secret pem = HM_SECRET_INIT;
    struct hm_bytes text;
    enum hm_rc rc;

    HM_TRY(read_pem(path, err, &pem));
    text = hm_bytes_make(pem.data, pem.size);
    if (hm_pem_has_label(text, "PRIVATE KEY") || hm_pem_has_label(text, "ENCRYPTED PRIVATE KEY"))
        return hm_fail(err, HM_EFORMAT,
                       "'%s' is a private key; the public one, '%s.pub', is "
                       "needed here",
                       path, path);
    rc = hm_key_parse_pem(text, err, ret_key);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", path);
}
