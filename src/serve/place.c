/* SPDX-License-Identifier: Apache-2.0 */
/* Folders, certificate, sockets and users of a server. See place.h. */
#include "serve/place.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/num.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "serve/export.h"
#include "site/hold.h"

#define OWN_CERTIFICATE     HM_PLACE_STATE "/tls.pem"
#define OWN_CERTIFICATE_KEY HM_PLACE_STATE "/tls.key"
#define TRANSFERS_FOLDER    HM_PLACE_STATE "/transfers"
#define TRANSFERS           TRANSFERS_FOLDER "/transfers.log"
#define CERTIFICATE_VALID_S (825 * (int64_t)HM_TIME_DAY_S) /* what browsers accept at most */
#define LOCK_WAIT_MS        2000 /* for commands that look whether a server runs */
#define BACKLOG             4096
#define ROOT_RUN            "/run/hallmark"

static enum hm_rc join(const char *folder, const char *name, struct hm_err *err, char **ret_path)
{
    if (asprintf(ret_path, "%s/%s", folder, name) < 0) {
        *ret_path = NULL;
        return hm_error_nomem(err);
    }
    return HM_OK;
}

static enum hm_rc copy(const char *text, struct hm_err *err, char **ret_text)
{
    *ret_text = strdup(text);
    return *ret_text == NULL ? hm_error_nomem(err) : HM_OK;
}

/* An absolute path: nginx has no working folder of ours. What path names is there. */
static enum hm_rc absolute(const char *path, struct hm_err *err, char **ret_path)
{
    *ret_path = realpath(path, NULL);
    if (*ret_path == NULL)
        return hm_error_errno(err, errno, "'%s'", path);
    return HM_OK;
}

/* The same of a file that need not be there. */
static enum hm_rc absolute_new(const char *path, struct hm_err *err, char **ret_path)
{
    _hm_free_(free) char *folder = NULL;

    if (path[0] == '/')
        return copy(path, err, ret_path);
    HM_TRY(absolute(".", err, &folder));
    return join(folder, path, err, ret_path);
}

/* --- users --- */

static enum hm_rc find_user(struct hm_place *place, const struct hm_settings *settings,
                            struct hm_err *err)
{
    const char *name = settings->user == NULL ? HM_SETTINGS_USER : settings->user;
    const struct passwd *user;
    const struct group *group;

    place->uid = (uid_t)-1;
    place->gid = (gid_t)-1;
    if (geteuid() != 0)
        return HM_OK;
    user = getpwnam(name);
    if (user == NULL)
        return hm_fail(err, HM_EUSAGE, "there is no user '%s' to serve as: give --user NAME", name);
    HM_TRY(copy(name, err, &place->user));
    group = getgrgid(user->pw_gid);
    if (group == NULL)
        return hm_fail(err, HM_EUSAGE, "user '%s' has no group of a name", name);
    HM_TRY(copy(group->gr_name, err, &place->group));
    place->has_user = user->pw_uid != 0;
    if (place->has_user) {
        place->uid = user->pw_uid;
        place->gid = user->pw_gid;
    }
    return HM_OK;
}

/* --- folders --- */

/* For the processes that face the network to look into; nobody else. */
static enum hm_rc open_to_group(const struct hm_place *place, const struct hm_dir *dir, mode_t mode,
                                struct hm_err *err)
{
    if (fchmod(dir->fd, mode) != 0 ||
        (place->has_user && fchown(dir->fd, (uid_t)-1, place->gid) != 0))
        return hm_error_errno(err, errno, "'%s' cannot be given to the server's group", dir->path);
    return HM_OK;
}

static enum hm_rc make_run(struct hm_place *place, const struct hm_settings *settings,
                           struct hm_err *err)
{
    _hm_free_(free) char *path = NULL;
    static const char *const folders[] = {HM_EXPORT_PASSWORDS, "tmp"};

    if (settings->run != NULL)
        HM_TRY(copy(settings->run, err, &path));
    else if (geteuid() == 0)
        HM_TRY(join(ROOT_RUN, place->site->config.name, err, &path));
    else
        HM_TRY(join(place->private_path, HM_PLACE_STATE "/run", err, &path));
    HM_TRY(hm_dir_make(path, 0755, err, &place->run));
    HM_TRY(absolute(path, err, &place->run_path));
    HM_TRY(open_to_group(place, &place->run, place->has_user ? 0750 : 0700, err));
    for (size_t i = 0; i < HM_ARRAY_COUNT(folders); i++) {
        _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;

        HM_TRY(hm_dir_remove_tree(&place->run, folders[i], err)); /* of an earlier start */
        HM_TRY(hm_dir_open_at(&place->run, folders[i], true, err, &dir));
        /* nginx makes the folders in tmp as the user that starts it, and gives them away by name:
         * whoever could put a link there would be given what it leads to. */
        HM_TRY(open_to_group(place, &dir, 0750, err));
    }
    return HM_OK;
}

/* The log of transfers, in a folder of its own that the collector may look into. */
static enum hm_rc make_transfers(struct hm_place *place, struct hm_err *err)
{
    _hm_done_(hm_dir_done) struct hm_dir dir = HM_DIR_INIT;
    struct stat st;

    if (fstat(place->site->private_dir.fd, &st) != 0)
        return hm_error_errno(err, errno, "'%s'", place->private_path);
    place->owner = st.st_uid;
    HM_TRY(hm_dir_open_at(&place->site->private_dir, TRANSFERS_FOLDER, true, err, &dir));
    HM_TRY(open_to_group(place, &dir, place->has_user ? 0750 : 0700, err));
    return join(place->private_path, TRANSFERS, err, &place->transfers);
}

bool hm_place_rotate_transfers(const struct hm_place *place, uint64_t size_max)
{
    const struct hm_dir *dir = &place->site->private_dir;
    struct stat st;

    return fstatat(dir->fd, TRANSFERS, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           (uint64_t)st.st_size > size_max &&
           hm_dir_rename(dir, TRANSFERS, dir, TRANSFERS ".1", NULL) == HM_OK;
}

enum hm_rc hm_place_open(const struct hm_settings *settings, int64_t now_unix_s, struct hm_err *err,
                         struct hm_place *ret_place)
{
    struct hm_place *place = ret_place;
    _hm_done_(hm_dir_done) struct hm_dir state = HM_DIR_INIT;
    enum hm_rc rc;

    HM_TRY(hm_site_open(settings->dir, HM_SITE_READ, 0, now_unix_s, err, &place->site));
    HM_TRY(hm_hold_check(&place->site->private_dir, err));
    HM_TRY(absolute(place->site->public_dir.path, err, &place->public_path));
    HM_TRY(absolute(place->site->private_dir.path, err, &place->private_path));
    HM_TRY(hm_dir_open_at(&place->site->private_dir, HM_PLACE_STATE, true, err, &state));
    rc = hm_lock_take(&place->site->private_dir, HM_PLACE_LOCK, LOCK_WAIT_MS, err, &place->lock);
    if (rc == HM_EBUSY)
        return hm_fail(err, rc, "another server serves site '%s'", place->site->config.name);
    HM_TRY(rc);
    if (settings->is_trial)
        return HM_OK;
    HM_TRY(find_user(place, settings, err));
    HM_TRY(make_run(place, settings, err));
    HM_TRY(make_transfers(place, err));
    if (settings->access_log != NULL)
        return absolute_new(settings->access_log, err, &place->access_log);
    return join(place->private_path, HM_PLACE_STATE "/access.log", err, &place->access_log);
}

void hm_place_done(struct hm_place *place)
{
    char *const texts[] = {place->run_path,    place->public_path,     place->private_path,
                           place->certificate, place->certificate_key, place->access_log,
                           place->user,        place->group,           place->transfers};

    for (size_t i = 0; i < HM_ARRAY_COUNT(texts); i++)
        free(texts[i]);
    hm_dir_done(&place->run);
    hm_lock_done(&place->lock);
    hm_site_free(place->site);
    *place = (struct hm_place)HM_PLACE_INIT;
}

char *hm_place_run_file(const struct hm_place *place, const char *name)
{
    char *path = NULL;

    return join(place->run_path, name, NULL, &path) == HM_OK ? path : NULL;
}

/* --- certificate --- */

/* The key first: a certificate without its key would be taken for whole. */
static enum hm_rc make_own(struct hm_place *place, const struct hm_settings *settings,
                           int64_t now_unix_s, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf certificate = HM_BUF_INIT(HM_CERTIFICATE_SIZE_MAX);
    _hm_done_(hm_secret_done) struct hm_secret key = HM_SECRET_INIT;
    const struct hm_dir *dir = &place->site->private_dir;

    HM_TRY(hm_certificate_make(settings->names, settings->name_count, now_unix_s,
                               CERTIFICATE_VALID_S, err, &certificate, &key));
    HM_TRY(hm_file_replace(dir, OWN_CERTIFICATE_KEY, 0600, hm_bytes_make(key.data, key.size), err));
    HM_TRY(hm_file_replace(dir, OWN_CERTIFICATE, 0644, hm_buf_bytes(&certificate), err));
    place->is_new_certificate = true;
    return HM_OK;
}

enum hm_rc hm_place_certificate(struct hm_place *place, const struct hm_settings *settings,
                                int64_t now_unix_s, struct hm_err *err)
{
    _hm_done_(hm_buf_done) struct hm_buf raw = HM_BUF_INIT(HM_CERTIFICATE_SIZE_MAX);
    enum hm_rc rc;

    free(place->certificate);
    free(place->certificate_key);
    place->certificate = place->certificate_key = NULL;
    if (settings->certificate != NULL) {
        HM_TRY(absolute(settings->certificate, err, &place->certificate));
        HM_TRY(absolute(settings->certificate_key, err, &place->certificate_key));
    } else {
        place->is_own_certificate = true;
        HM_TRY(join(place->private_path, OWN_CERTIFICATE, err, &place->certificate));
        HM_TRY(join(place->private_path, OWN_CERTIFICATE_KEY, err, &place->certificate_key));
        if (!hm_dir_has(&place->site->private_dir, OWN_CERTIFICATE))
            HM_TRY(make_own(place, settings, now_unix_s, err));
    }
    HM_TRY(hm_file_read_path(place->certificate, err, &raw));
    rc = hm_certificate_fingerprint(hm_buf_bytes(&raw), err, &place->fingerprint);
    return rc == HM_OK ? HM_OK : hm_error_prefix(err, rc, "'%s'", place->certificate);
}

/* --- sockets --- */

static enum hm_rc fail_listen(const char *address, struct hm_err *err)
{
    if (errno == EADDRINUSE)
        return hm_fail(err, HM_EBUSY, "'%s': another program listens there", address);
    if (errno == EACCES)
        return hm_fail(err, HM_EINPUT, "'%s': this user may not listen there", address);
    return hm_fail(err, HM_EINPUT, "'%s': cannot listen there: %s", address, strerror(errno));
}

static enum hm_rc split(const char *text, struct hm_err *err, char host[256], char port[8])
{
    const char *colon = strrchr(text, ':');
    size_t size = colon == NULL ? 0 : (size_t)(colon - text);
    bool is_bracketed = size > 2 && text[0] == '[' && text[size - 1] == ']';
    uint64_t number;

    if (is_bracketed) {
        text++;
        size -= 2;
    }
    if (colon == NULL || size == 0 || size > 255 ||
        (!is_bracketed && memchr(text, ':', size) != NULL) ||
        hm_num_parse_u64(colon + 1, strlen(colon + 1), &number) != HM_OK || number > UINT16_MAX)
        return hm_fail(err, HM_EUSAGE, "'%s' is no address to listen at: HOST:PORT or [IPV6]:PORT",
                       text);
    memcpy(host, text, size);
    host[size] = '\0';
    (void)snprintf(port, 8, "%u", (unsigned)number);
    return HM_OK;
}

/* As nginx prints it: it compares what it inherits with its own configuration. */
static enum hm_rc bound_address(int fd, struct hm_err *err, char ret_bound[64])
{
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof(bound);
    char host[INET6_ADDRSTRLEN];
    char port[8];
    int code;

    if (getsockname(fd, (struct sockaddr *)&bound, &size) != 0)
        return hm_fail(err, HM_EINTERNAL, "a socket has no address: %s", strerror(errno));
    code = getnameinfo((struct sockaddr *)&bound, size, host, sizeof(host), port, sizeof(port),
                       NI_NUMERICHOST | NI_NUMERICSERV);
    if (code != 0)
        return hm_fail(err, HM_EINTERNAL, "a socket has no address: %s", gai_strerror(code));
    (void)snprintf(ret_bound, 64, bound.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    return HM_OK;
}

enum hm_rc hm_place_listen(const char *address, struct hm_err *err, int *ret_fd, char ret_bound[64])
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    _hm_done_(hm_dir_close_fd) int fd = -1;
    struct addrinfo *found = NULL;
    char host[256];
    char port[8];
    bool is_good = false;
    int on = 1;
    int code;

    HM_TRY(split(address, err, host, port));
    code = getaddrinfo(host, port, &hints, &found);
    if (code != 0)
        return hm_fail(err, HM_EINPUT, "'%s': %s", address, gai_strerror(code));
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    is_good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
              (found->ai_family != AF_INET6 ||
               setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
              bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
    freeaddrinfo(found);
    if (!is_good)
        return fail_listen(address, err);
    HM_TRY(bound_address(fd, err, ret_bound));
    *ret_fd = fd;
    fd = -1;
    return HM_OK;
}

enum hm_rc hm_place_listen_unix(const struct hm_place *place, const char *name, struct hm_err *err,
                                int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _hm_free_(free) char *path = NULL;
    _hm_done_(hm_dir_close_fd) int fd = -1;
    mode_t mask;
    bool is_good;

    HM_TRY(join(place->run_path, name, err, &path));
    if (strlen(path) >= sizeof(address.sun_path))
        return hm_fail(err, HM_EUSAGE,
                       "'%s': the path of a socket has at most %zu bytes: give a shorter --run DIR",
                       path, sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (unlink(path) != 0 && errno != ENOENT)
        return hm_error_errno(err, errno, "'%s' is in the way", path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mask = umask(0117); /* this user and group from the first moment on */
    is_good = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
              listen(fd, BACKLOG) == 0;
    (void)umask(mask);
    if (!is_good)
        return fail_listen(path, err);
    if (place->has_user && lchown(path, (uid_t)-1, place->gid) != 0)
        return hm_error_errno(err, errno, "'%s' cannot be given to the server's group", path);
    *ret_fd = fd;
    fd = -1;
    return HM_OK;
}
