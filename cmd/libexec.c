/* SPDX-License-Identifier: Apache-2.0 */
/* Becoming a program under libexec. See libexec.h. */
#include "libexec.h"

#include <errno.h>
#include <unistd.h>

#include "cmd.h"

#define PATH_SIZE_MAX 8192
#define SELF_SIZE     2048

/* Appends the path of the program beside the one that runs. HM_ENOTFOUND: there is none. */
static enum hm_rc beside(const char *program, struct hm_err *err, struct hm_buf *ret_path)
{
    char self[SELF_SIZE];
    ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash;

    if (size <= 0)
        return HM_ENOTFOUND;
    self[size] = '\0';
    slash = strrchr(self, '/');
    if (slash == NULL)
        return HM_ENOTFOUND;
    *slash = '\0';
    HM_TRY(hm_buf_append_fmt(ret_path, err, "%s/%s", self, program));
    return access(hm_buf_str(ret_path), X_OK) == 0 ? HM_OK : HM_ENOTFOUND;
}

enum hm_rc hm_libexec_find(const char *program, struct hm_err *err, struct hm_buf *ret_path)
{
    enum hm_rc rc = beside(program, err, ret_path);

    if (rc == HM_ENOTFOUND) {
        hm_buf_clear(ret_path);
        rc = hm_buf_append_fmt(ret_path, err, HM_LIBEXEC "/%s", program);
    }
    return rc;
}

static enum hm_rc run(const char *program, char **argv, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf path = HM_BUF_INIT(PATH_SIZE_MAX);

    HM_TRY(hm_libexec_find(program, err, &path));
    (void)execv(hm_buf_str(&path), argv);
    return hm_error_errno(err, errno, "'%s' cannot be run", hm_buf_str(&path));
}

int hm_libexec_run(const char *program, char **argv)
{
    struct hm_err err = HM_ERR_INIT;

    (void)run(program, argv, &err); /* it returns only to say why */
    return hm_cmd_fail(&err);
}
