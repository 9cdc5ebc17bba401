/* SPDX-License-Identifier: Apache-2.0 */
/* base/secret: private files only, and a prompt that leaves the terminal as it was. */
#include "unit.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>

#include "base/file.h"
#include "base/secret.h"
#include "tmpdir.h"

static void path_of(const struct hm_dir *dir, const char *name, char path[PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s/%s", dir->path, name);
}

static void put(const struct hm_dir *dir, const char *name, mode_t mode, const char *text)
{
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_file_replace(dir, name, 0600, hm_bytes_str(text), &err), HM_OK);
    assert_int_equal(fchmodat(dir->fd, name, mode, 0), 0);
}

static void test_init__gives_zeroed_room(void **state)
{
    static const size_t capacities[] = {0, 1, 4095, 4096, 4097, 100000};

    for (size_t i = 0; i < HM_ARRAY_COUNT(capacities); i++) {
        struct hm_secret secret = HM_SECRET_INIT;

        assert_int_equal(hm_secret_init(&secret, capacities[i], NULL), HM_OK);
        assert_int_equal(secret.size, 0);
        assert_int_equal(secret.capacity, capacities[i]);
        for (size_t n = 0; n <= capacities[i]; n++)
            assert_int_equal(secret.data[n], 0);
        memset(secret.data, 0xff, capacities[i] + 1);
        hm_secret_done(&secret);
        assert_null(secret.data);
        hm_secret_done(&secret);
    }
}

static void test_init__fails_where_no_memory_can_be(void **state)
{
    struct hm_secret secret = HM_SECRET_INIT;
    struct hm_err err = HM_ERR_INIT;

    assert_int_equal(hm_secret_init(&secret, SIZE_MAX, &err), HM_ENOMEM);
    assert_int_equal(hm_secret_init(&secret, SIZE_MAX / 2, &err), HM_ENOMEM);
    assert_null(secret.data);
}

static void test_read__takes_private_files(void **state)
{
    static const struct {
        const char *content;
        bool strip;
        const char *secret;
    } cases[] = {
        {"pass\n", true, "pass"},
        {"pass\n", false, "pass\n"},
        {"pass\n\n", true, "pass\n"},
        {"pass", true, "pass"},
        {"\n", true, ""},
        {"", true, ""},
        {"12345678", true, "12345678"},
        {"1234567\n", true, "1234567"},
    };
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_err err = HM_ERR_INIT;
    char path[PATH_MAX];

    path_of(tmp, "f", path);
    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        _hm_done_(hm_secret_done) struct hm_secret secret = HM_SECRET_INIT;

        put(tmp, "f", i % 2 == 0 ? 0600 : 0400, cases[i].content);
        assert_int_equal(hm_secret_read(path, 8, cases[i].strip, &err, &secret), HM_OK);
        assert_int_equal(secret.size, strlen(cases[i].secret));
        assert_string_equal((const char *)secret.data, cases[i].secret);
    }
}

static void test_read__refuses_the_rest(void **state)
{
    static const mode_t modes[] = {0640, 0620, 0610, 0604, 0602, 0601, 0644, 0666};
    const struct hm_dir *tmp = tmpdir_of(state);
    struct hm_secret secret = HM_SECRET_INIT;
    struct hm_err err = HM_ERR_INIT;
    char path[PATH_MAX];

    path_of(tmp, "f", path);
    assert_int_equal(hm_secret_read(path, 8, true, &err, &secret), HM_ENOTFOUND);
    for (size_t i = 0; i < HM_ARRAY_COUNT(modes); i++) {
        put(tmp, "f", modes[i], "pass");
        assert_int_equal(hm_secret_read(path, 8, true, &err, &secret), HM_EREFUSED);
        assert_null(strstr(err.text, "pass"));
    }
    put(tmp, "f", 0600, "123456789");
    assert_int_equal(hm_secret_read(path, 8, true, &err, &secret), HM_EFORMAT);
    assert_int_equal(hm_secret_read(path, SIZE_MAX, true, &err, &secret), HM_ENOMEM);
    assert_int_equal(hm_secret_read(tmp->path, 8, true, &err, &secret), HM_EINPUT);
    assert_int_equal(mkfifoat(tmp->fd, "pipe", 0600), 0);
    path_of(tmp, "pipe", path);
    assert_int_equal(hm_secret_read(path, 8, true, &err, &secret), HM_EINPUT);
    assert_null(secret.data);
}

/* --- asking, on a terminal of our own --------------------------------------------------------- */

struct terminal {
    int fd;
    pid_t leader;
    int status_fd; /* how who asked has ended */
    int stay_fd;   /* the leader stays until it is closed */
};

/* Asks, and prints what it got in capitals between brackets, so that an echo is told from it. */
static void ask(void)
{
    struct hm_secret secret = HM_SECRET_INIT;
    struct hm_err err = HM_ERR_INIT;
    enum hm_rc rc = hm_secret_ask("Passphrase: ", &err, &secret);

    for (size_t i = 0; i < secret.size; i++)
        secret.data[i] = (uint8_t)toupper(secret.data[i]);
    if (rc == HM_OK)
        (void)printf("[%s]%zu", (const char *)secret.data, secret.size);
    (void)fflush(stdout);
    hm_secret_done(&secret);
    _exit((int)rc);
}

/* Has a child ask, with signals as a shell's foreground job has them. It is not the terminal's
 * leader itself: at a leader's end the kernel drops what the other side has not read yet. */
static void lead(int status_fd, int stay_fd)
{
    static const int keys[] = {SIGINT, SIGQUIT};
    sigset_t all, before;
    int status = 0;
    pid_t child;
    char byte;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    for (size_t i = 0; i < HM_ARRAY_COUNT(keys); i++) {
        (void)signal(keys[i], SIG_DFL);
        (void)sigdelset(&before, keys[i]);
    }
    child = fork();
    if (child == 0) {
        (void)close(status_fd);
        (void)close(stay_fd);
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        ask();
    }
    if (child < 0 || waitpid(child, &status, 0) != child ||
        write(status_fd, &status, sizeof(status)) != (ssize_t)sizeof(status))
        _exit(1);
    _exit(read(stay_fd, &byte, 1) == 0 ? 0 : 1);
}

/* Somebody asks on a new terminal. */
static struct terminal start_asking(void)
{
    struct terminal terminal = {.fd = -1};
    int status[2], stay[2];

    assert_int_equal(pipe2(status, O_CLOEXEC), 0);
    assert_int_equal(pipe2(stay, O_CLOEXEC), 0);
    terminal.leader = forkpty(&terminal.fd, NULL, NULL, NULL);
    assert_true(terminal.leader >= 0);
    if (terminal.leader == 0) {
        (void)close(status[0]);
        (void)close(stay[1]);
        lead(status[1], stay[0]);
    }
    (void)close(status[1]);
    (void)close(stay[0]);
    terminal.status_fd = status[0];
    terminal.stay_fd = stay[1];
    return terminal;
}

/* Reads until text came. */
static void expect_output(const struct terminal *terminal, const char *text)
{
    char seen[4096] = "";
    size_t size = 0;

    while (strstr(seen, text) == NULL) {
        ssize_t got = read(terminal->fd, seen + size, sizeof(seen) - 1 - size);

        if (got <= 0)
            fail_msg("the terminal shows '%s', not '%s'", seen, text);
        size += (size_t)got;
        seen[size] = '\0';
        assert_null(strstr(seen, "typed"));
    }
}

static void type(const struct terminal *terminal, const char *text)
{
    assert_int_equal(write(terminal->fd, text, strlen(text)), strlen(text));
}

static bool is_echoing(const struct terminal *terminal)
{
    struct termios settings;

    assert_int_equal(tcgetattr(terminal->fd, &settings), 0);
    return (settings.c_lflag & ECHO) != 0;
}

/* How who asked has ended, as of waitpid. The terminal is still there. */
static int wait_for(const struct terminal *terminal)
{
    int status = 0;

    assert_int_equal(read(terminal->status_fd, &status, sizeof(status)), sizeof(status));
    return status;
}

static void end(const struct terminal *terminal)
{
    int status = 0;

    (void)close(terminal->stay_fd);
    assert_int_equal(waitpid(terminal->leader, &status, 0), terminal->leader);
    assert_int_equal(status, 0);
    (void)close(terminal->status_fd);
    (void)close(terminal->fd);
}

static void test_ask__takes_a_line_without_echo(void **state)
{
    struct terminal terminal = start_asking();

    expect_output(&terminal, "Passphrase: ");
    assert_false(is_echoing(&terminal));
    type(&terminal, "typed t\n");
    expect_output(&terminal, "[TYPED T]7");
    assert_true(is_echoing(&terminal));
    assert_int_equal(wait_for(&terminal), 0);
    end(&terminal);
}

static void test_ask__takes_a_line_without_its_newline(void **state)
{
    struct terminal terminal = start_asking();

    expect_output(&terminal, "Passphrase: ");
    type(&terminal, "typed\004\004"); /* handed over by ^D, ended by another */
    expect_output(&terminal, "[TYPED]5");
    assert_int_equal(wait_for(&terminal), 0);
    end(&terminal);
}

static void test_ask__gives_an_empty_line(void **state)
{
    struct terminal terminal = start_asking();

    expect_output(&terminal, "Passphrase: ");
    type(&terminal, "\n");
    expect_output(&terminal, "[]0");
    assert_int_equal(wait_for(&terminal), 0);
    end(&terminal);
}

static void test_ask__fails_at_the_end_of_input(void **state)
{
    struct terminal terminal = start_asking();
    int status;

    expect_output(&terminal, "Passphrase: ");
    type(&terminal, "\004");
    expect_output(&terminal, "\n");
    status = wait_for(&terminal);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), HM_EINPUT);
    end(&terminal);
}

static void test_ask__refuses_a_line_past_the_limit(void **state)
{
    char line[HM_SECRET_ASK_SIZE_MAX + 3];

    for (size_t size = HM_SECRET_ASK_SIZE_MAX; size <= HM_SECRET_ASK_SIZE_MAX + 1; size++) {
        struct terminal terminal = start_asking();
        bool fits = size == HM_SECRET_ASK_SIZE_MAX;
        int status;

        memset(line, 'x', size);
        line[size] = '\n';
        line[size + 1] = '\0';
        expect_output(&terminal, "Passphrase: ");
        type(&terminal, line);
        expect_output(&terminal, fits ? "]1024" : "\n");
        status = wait_for(&terminal);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), fits ? HM_OK : HM_EINPUT);
        end(&terminal);
    }
}

static void test_ask__restores_the_terminal_when_interrupted(void **state)
{
    static const struct {
        const char *key;
        int signal_number;
    } cases[] = {{"\003", SIGINT}, {"\034", SIGQUIT}};

    for (size_t i = 0; i < HM_ARRAY_COUNT(cases); i++) {
        struct terminal terminal = start_asking();
        int status;

        expect_output(&terminal, "Passphrase: ");
        assert_false(is_echoing(&terminal));
        type(&terminal, "part");
        type(&terminal, cases[i].key);
        expect_output(&terminal, "\n");
        status = wait_for(&terminal);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), cases[i].signal_number);
        assert_true(is_echoing(&terminal));
        end(&terminal);
    }
}

static void test_ask__needs_a_terminal(void **state)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct hm_secret secret = HM_SECRET_INIT;

        (void)setsid(); /* no controlling terminal from here on */
        _exit((int)hm_secret_ask("Passphrase: ", NULL, &secret));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), HM_EINPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_init__gives_zeroed_room),
        cmocka_unit_test(test_init__fails_where_no_memory_can_be),
        tmpdir_test(test_read__takes_private_files),
        tmpdir_test(test_read__refuses_the_rest),
        cmocka_unit_test(test_ask__takes_a_line_without_echo),
        cmocka_unit_test(test_ask__takes_a_line_without_its_newline),
        cmocka_unit_test(test_ask__gives_an_empty_line),
        cmocka_unit_test(test_ask__fails_at_the_end_of_input),
        cmocka_unit_test(test_ask__refuses_a_line_past_the_limit),
        cmocka_unit_test(test_ask__restores_the_terminal_when_interrupted),
        cmocka_unit_test(test_ask__needs_a_terminal),
    };

    (void)umask(022);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
