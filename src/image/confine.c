/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Confinement (confine.h) by resource limits and a seccomp filter: a program that the kernel runs
 * at each system call, over the call's number, the architecture and the arguments.
 */
#include "image/confine.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Numbers mean nothing without the architecture they are of. */
#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCHITECTURE AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define ARCHITECTURE AUDIT_ARCH_PPC64LE
#endif

/* A sanitizer maps and asks on its own, more than can be listed: there, what is refused is listed,
 * and address space is not counted. Such a build is for tests. */
#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

#ifdef ARCHITECTURE

#define LOAD(field)                                                                                \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, (what))
/* Goes on where the call has that number, else skips so many instructions. */
#define IF_EQUAL(number, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(number), 0, (skip))
#define ALLOW(number)          IF_EQUAL(number, 1), ANSWER(SECCOMP_RET_ALLOW)
#define REFUSE(number)         IF_EQUAL(number, 1), ANSWER(SECCOMP_RET_KILL_PROCESS)

static const struct sock_filter filter_start[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
    ANSWER(SECCOMP_RET_KILL_PROCESS),
    LOAD(nr),
};

#if IS_SANITIZED
static const struct sock_filter filter_rest[] = {
#ifdef SYS_open
    REFUSE(SYS_open),
#endif
    REFUSE(SYS_openat),        REFUSE(SYS_socket), REFUSE(SYS_execve),
    REFUSE(SYS_clone),         REFUSE(SYS_clone3),
#ifdef SYS_fork
    REFUSE(SYS_fork),
#endif
    ANSWER(SECCOMP_RET_ALLOW),
};
#else
static const struct sock_filter filter_rest[] = {
    ALLOW(SYS_read),
    ALLOW(SYS_write),
    ALLOW(SYS_brk),
    ALLOW(SYS_munmap),
    ALLOW(SYS_mremap),
    ALLOW(SYS_madvise),
    ALLOW(SYS_exit_group),
    ALLOW(SYS_exit),
    /* How long it takes, where the kernel's own page does not say. */
    ALLOW(SYS_clock_gettime),
    /* Memory of nobody's, without leave to run it: the low words of protection and flags. */
    IF_EQUAL(SYS_mmap, 5),
    LOAD(args[2]),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 3, 0),
    LOAD(args[3]),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, 0, 1),
    ANSWER(SECCOMP_RET_ALLOW),
    ANSWER(SECCOMP_RET_KILL_PROCESS),
};
#endif

static enum hm_rc install_filter(struct hm_err *err)
{
    struct sock_filter filter[HM_ARRAY_COUNT(filter_start) + HM_ARRAY_COUNT(filter_rest)];
    struct sock_fprog program = {.len = HM_ARRAY_COUNT(filter), .filter = filter};

    memcpy(filter, filter_start, sizeof(filter_start));
    memcpy(filter + HM_ARRAY_COUNT(filter_start), filter_rest, sizeof(filter_rest));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        return hm_fail(err, HM_EINTERNAL, "this system has no seccomp filters");
    return HM_OK;
}

#else

static enum hm_rc install_filter(struct hm_err *err)
{
    return hm_fail(err, HM_EINTERNAL, "no seccomp filter is known for this architecture");
}

#endif

static enum hm_rc limit(int resource, uint64_t soft, uint64_t hard, struct hm_err *err)
{
    struct rlimit now, limits = {.rlim_cur = soft, .rlim_max = hard};

    /* A limit that is lower already stays. */
    if (getrlimit((__rlimit_resource_t)resource, &now) != 0)
        return hm_fail(err, HM_EINTERNAL, "a limit cannot be read");
    if (now.rlim_max < limits.rlim_max)
        limits.rlim_max = now.rlim_max;
    if (limits.rlim_cur > limits.rlim_max)
        limits.rlim_cur = limits.rlim_max;
    if (setrlimit((__rlimit_resource_t)resource, &limits) != 0)
        return hm_fail(err, HM_EINTERNAL, "a limit cannot be set");
    return HM_OK;
}

enum hm_rc hm_confine_enter(const struct hm_confine_limits *limits, struct hm_err *err)
{
    HM_TRY(limit(RLIMIT_CPU, limits->cpu_s_max, (uint64_t)limits->cpu_s_max + 1, err));
    HM_TRY(limit(RLIMIT_FSIZE, limits->output_max, limits->output_max, err));
    HM_TRY(limit(RLIMIT_CORE, 0, 0, err));
    HM_TRY(limit(RLIMIT_NPROC, 0, 0, err));
    HM_TRY(limit(RLIMIT_NOFILE, 0, 0, err));
    if (!IS_SANITIZED)
        HM_TRY(limit(RLIMIT_AS, limits->memory_max, limits->memory_max, err));
    /* Nobody reads along, not even another process of the same user. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return hm_fail(err, HM_EINTERNAL, "this process cannot be closed to others");
    return install_filter(err);
}
