/* SPDX-License-Identifier: Apache-2.0 */
/* Giving up rights. See confine.h. */
#include "serve/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/landlock.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* All that the first version of Landlock knows: each is refused but where a rule allows it. */
#define HANDLED                                                                                    \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |   \
     LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |                                 \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |   \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

enum hm_rc hm_confine_user(uid_t uid, gid_t gid, struct hm_err *err)
{
    if (uid == (uid_t)-1)
        return HM_OK;
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return hm_fail(err, HM_EINTERNAL, "cannot become user %lu: %s", (unsigned long)uid,
                       strerror(errno));
    if (uid != 0 && (setresuid(0, 0, 0) == 0 || getuid() != uid || getgid() != gid))
        return hm_fail(err, HM_EINTERNAL, "cannot give up the rights of root");
    return HM_OK;
}

static bool landlock(const struct hm_confine_place *places, size_t count)
{
    struct landlock_ruleset_attr rules = {.handled_access_fs = HANDLED};
    _hm_done_(hm_dir_close_fd) int ruleset =
        (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);

    if (ruleset < 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct landlock_path_beneath_attr rule = {
            .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
                              (places[i].is_written
                                   ? LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                         LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                         LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG
                                   : 0),
            .parent_fd = places[i].dir->fd,
        };

        if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
            return false;
    }
    return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
}

static enum hm_rc give_up(struct hm_err *err)
{
    const struct rlimit none = {0, 0};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        setrlimit(RLIMIT_CORE, &none) != 0)
        return hm_fail(err, HM_EINTERNAL, "cannot give up rights: %s", strerror(errno));
    return HM_OK;
}

/* /etc as a folder: who configures names puts other files in place of those that are there. */
static const char *const network_folders[] = {
    "/etc",
    "/usr",
    "/lib",
    "/lib64",
    "/run/systemd/resolve",
    "/run/NetworkManager",
    "/run/resolvconf",
};
_Static_assert(HM_ARRAY_COUNT(network_folders) <= HM_CONFINE_NETWORK_MAX, "room for each");

enum hm_rc hm_confine_network_open(struct hm_confine_network *network, struct hm_err *err)
{
    *network = (struct hm_confine_network){.count = 0};
    for (size_t i = 0; i < HM_ARRAY_COUNT(network_folders); i++) {
        enum hm_rc rc = hm_dir_open(network_folders[i], err, &network->dirs[network->count]);

        if (rc == HM_OK)
            network->count++;
        else if (rc != HM_EINPUT) /* one that is not there, or not for this user, is not needed */
            return rc;
    }
    return HM_OK;
}

void hm_confine_network_done(struct hm_confine_network *network)
{
    for (size_t i = 0; i < network->count; i++)
        hm_dir_done(&network->dirs[i]);
    network->count = 0;
}

enum hm_rc hm_confine_places(const struct hm_confine_place *places, size_t count,
                             struct hm_err *err, bool *ret_is_landlocked)
{
    HM_TRY(give_up(err));
    *ret_is_landlocked = landlock(places, count);
    return HM_OK;
}

enum hm_rc hm_confine_read_only(const struct hm_dir *dir, struct hm_err *err,
                                bool *ret_is_landlocked)
{
    const struct hm_confine_place place = {.dir = dir};
    const struct rlimit none = {0, 0};
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    HM_TRY(give_up(err));
    if (setrlimit(RLIMIT_FSIZE, &none) != 0 || sigaction(SIGXFSZ, &ignore, NULL) != 0)
        return hm_fail(err, HM_EINTERNAL, "cannot give up rights: %s", strerror(errno));
    *ret_is_landlocked = landlock(&place, 1);
    return HM_OK;
}

enum hm_rc hm_confine_to_parent(pid_t parent, int signal_number, struct hm_err *err)
{
    if (prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0)
        return hm_fail(err, HM_EINTERNAL, "cannot be told of the end of the parent: %s",
                       strerror(errno));
    if (getppid() != parent)
        return hm_fail(err, HM_EAGAIN, "the parent is gone");
    return HM_OK;
}
