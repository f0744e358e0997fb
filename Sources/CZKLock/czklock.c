// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "czklock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

static const int caught[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP, SIGCONT, SIGCHLD};
enum { caught_count = sizeof caught / sizeof caught[0] };

// The mask with which this program was started.
static sigset_t inherited_mask;
// The same, and what is blocked throughout: in force while zkl_poll waits.
static sigset_t waiting_mask;
static volatile int signal_descriptor = -1;
static volatile sig_atomic_t continued;

void zkl_prepare(void) {
  for (int descriptor = 0; descriptor < 3; descriptor++) {
    if (fcntl(descriptor, F_GETFD) >= 0) continue;
    // The lowest free number is this one.
    if (open("/dev/null", O_RDWR | O_CLOEXEC) < 0) _exit(71);
  }
  sigprocmask(SIG_SETMASK, NULL, &inherited_mask);
  // A process in the background may write to its terminal and change its foreground group if it blocks SIGTTOU. A pipe or a
  // socket without a reader is an error like others.
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTTIN);
  sigaddset(&blocked, SIGTTOU);
  sigaddset(&blocked, SIGPIPE);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  sigprocmask(SIG_SETMASK, NULL, &waiting_mask);
  // Without these two nothing is noticed.
  sigdelset(&waiting_mask, SIGCHLD);
  sigdelset(&waiting_mask, SIGCONT);
  signal(SIGCHLD, SIG_DFL);
  // The runtime of the language may have handlers that print a report and go on.
  static const int faults[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGQUIT};
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
    struct sigaction action;
    sigaction(faults[i], NULL, &action);
    if (action.sa_handler != SIG_IGN) signal(faults[i], SIG_DFL);
  }
#ifdef __linux__
  // A core file would have the credentials in it. The command begins anew.
  prctl(PR_SET_DUMPABLE, 0);
#endif
}

// In the process of zkl_watch_group: the one that started it.
static pid_t family;

// The parent of a process, from /proc/PID/stat: `PID (NAME) STATE PARENT ...`. 0 if it is not known. For signal handlers.
static pid_t parent_of(pid_t pid) {
  char path[32] = "/proc/", digits[12], text[512];
  int count = 0, length = 6;
  for (pid_t rest = pid; rest > 0; rest /= 10) digits[count++] = (char)('0' + rest % 10);
  while (count > 0) path[length++] = digits[--count];
  for (const char *end = "/stat"; *end; end++) path[length++] = *end;
  path[length] = 0;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t size = read(file, text, sizeof text - 1);
  close(file);
  // The name may contain anything, also what looks like the rest.
  ssize_t i = size - 1;
  while (i > 0 && text[i] != ')') i--;
  if (i <= 0 || i + 4 >= size) return 0;
  pid_t parent = 0;
  for (i += 4; i < size && text[i] >= '0' && text[i] <= '9'; i++) parent = parent * 10 + (text[i] - '0');
  return parent;
}

static int is_of_family(pid_t pid) {
  for (int level = 0; level < 1000 && pid > 1; level++, pid = parent_of(pid))
    if (pid == family) return 1;
  return 0;
}

static void on_signal(int number, siginfo_t *information, void *context) {
  (void)context;
  int fault = errno;
  if (number == SIGCONT) continued++;
  struct zkl_signal signal = {number, information->si_code > 0, information->si_pid, 0};
  // At once: a sender like kill(1) is gone soon.
  if (family > 0 && information->si_code <= 0) signal.from_family = is_of_family(information->si_pid);
  // A pipe that is full has enough to tell.
  ssize_t written = write(signal_descriptor, &signal, sizeof signal);
  (void)written;
  errno = fault;
}

void zkl_catch_signals(int descriptor) {
  signal_descriptor = descriptor;
  sigset_t set;
  sigemptyset(&set);
  for (int i = 0; i < caught_count; i++) {
    struct sigaction action;
    sigaction(caught[i], NULL, &action);
    if (action.sa_handler == SIG_IGN) continue;
    action = (struct sigaction){.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigfillset(&action.sa_mask);
    sigaction(caught[i], &action, NULL);
    sigaddset(&set, caught[i]);
  }
  sigprocmask(SIG_BLOCK, &set, NULL);
}

int zkl_poll(int first, int second, int third, int milliseconds) {
  struct pollfd polled[] = {{first, POLLIN, 0}, {second, POLLIN, 0}, {third, POLLIN, 0}};
#ifdef __linux__
  struct timespec limit = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
  int count = ppoll(polled, 3, milliseconds < 0 ? NULL : &limit, &waiting_mask);
#else
  sigset_t before;
  sigprocmask(SIG_SETMASK, &waiting_mask, &before);
  int count = poll(polled, 3, milliseconds < 0 || milliseconds > 50 ? 50 : milliseconds);
  sigprocmask(SIG_SETMASK, &before, NULL);
#endif
  if (count <= 0) return 0;
  int ready = 0;
  for (int i = 0; i < 3; i++)
    if (polled[i].fd >= 0 && polled[i].revents) ready |= 1 << i;
  return ready;
}

// Takes a SIGCONT that has come and has not been told of.
static int take_continuation(void) {
  sigset_t pending, set;
  int number;
  sigpending(&pending);
  if (sigismember(&pending, SIGCONT) != 1) return 0;
  sigemptyset(&set);
  sigaddset(&set, SIGCONT);
  sigwait(&set, &number);
  return 1;
}

int zkl_stop(void) {
  sig_atomic_t before = continued;
  struct sigaction action = {.sa_handler = SIG_DFL}, old;
  sigset_t stop, mask;
  // It is continued already; a stop would discard that.
  if (take_continuation()) return 1;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTSTP);
  sigaction(SIGTSTP, &action, &old);
  raise(SIGTSTP);
  // It stops here.
  pthread_sigmask(SIG_UNBLOCK, &stop, &mask);
  pthread_sigmask(SIG_SETMASK, &mask, NULL);
  sigaction(SIGTSTP, &old, NULL);
  return take_continuation() || continued != before;
}

void zkl_die(int number) {
#ifdef __linux__
  prctl(PR_SET_DUMPABLE, 0);
#endif
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  struct sigaction action = {.sa_handler = SIG_DFL};
  sigaction(number, &action, NULL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, number);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
  raise(number);
}

pid_t zkl_fork(void) { return fork(); }

void zkl_adopt_orphans(void) {
#ifdef __linux__
  prctl(PR_SET_CHILD_SUBREAPER, 1);
#endif
}

// In a child, where `parent` is the process that forked it: ends it together with the thread that forked.
static void end_with_parent(pid_t parent) {
#ifdef __linux__
  prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
  // It may have ended before.
  if (getppid() != parent) _exit(127);
}

// In a child, whose signals are blocked: gives those that are caught their default action.
static void reset_signals(void) {
  struct sigaction action = {.sa_handler = SIG_DFL}, old;
  for (int i = 0; i < caught_count; i++) {
    sigaction(caught[i], NULL, &old);
    if (old.sa_handler != SIG_IGN) sigaction(caught[i], &action, NULL);
  }
}

pid_t zkl_spawn(char *const arguments[], pid_t group, int terminal) {
  int report[2];
  if (pipe(report) != 0) return -1;
  fcntl(report[0], F_SETFD, FD_CLOEXEC);
  fcntl(report[1], F_SETFD, FD_CLOEXEC);
  sigset_t all, mask;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &mask);
  pid_t parent = getpid();
  pid_t child = fork();
  int fault = errno;
  if (child == 0) {
    reset_signals();
    end_with_parent(parent);
#ifdef __linux__
    prctl(PR_SET_DUMPABLE, 1);
#endif
    setpgid(0, group);
    if (group == 0 && terminal >= 0) tcsetpgrp(terminal, getpid());
    sigprocmask(SIG_SETMASK, &inherited_mask, NULL);
    execvp(arguments[0], arguments);
    fault = errno;
    ssize_t written = write(report[1], &fault, sizeof fault);
    (void)written;
    _exit(127);
  }
  // Whichever of the two is first.
  if (child > 0) setpgid(child, group == 0 ? child : group);
  sigprocmask(SIG_SETMASK, &mask, NULL);
  close(report[1]);
  if (child > 0) {
    int told = 0;
    ssize_t count;
    do count = read(report[0], &told, sizeof told);
    while (count < 0 && errno == EINTR);
    if (count == sizeof told) {
      waitpid(child, NULL, 0);
      child = -1;
      fault = told;
    }
  }
  close(report[0]);
  errno = fault;
  return child;
}

static void close_all_but(int descriptor) {
#ifdef SYS_close_range
  if ((descriptor == 0 || syscall(SYS_close_range, 0U, descriptor - 1, 0U) == 0) &&
      syscall(SYS_close_range, descriptor + 1, ~0U, 0U) == 0)
    return;
#endif
  long limit = sysconf(_SC_OPEN_MAX);
  if (limit < 0 || limit > 65536) limit = 65536;
  for (int other = 0; other < limit; other++)
    if (other != descriptor) close(other);
}

pid_t zkl_watch_group(pid_t group, int descriptor) {
  sigset_t all, mask;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &mask);
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) {
    end_with_parent(parent);
    setpgid(0, group);
    close_all_but(descriptor);
    signal_descriptor = descriptor;
    family = parent;
    sigprocmask(SIG_SETMASK, &waiting_mask, NULL);
    for (;;) pause();
  }
  if (child > 0) setpgid(child, group);
  sigprocmask(SIG_SETMASK, &mask, NULL);
  return child;
}

struct zkl_change zkl_change_of(pid_t pid) {
  struct zkl_change change = {ZKL_NOTHING, pid, 0};
  siginfo_t information = {0};
  // Ends are only looked at, stops and continuations are taken.
  if (waitid(P_PID, (id_t)pid, &information, WEXITED | WNOHANG | WNOWAIT) == 0 && information.si_pid == pid) {
    change.kind = information.si_code == CLD_EXITED ? ZKL_EXITED : ZKL_KILLED;
    change.value = information.si_status;
    return change;
  }
  information = (siginfo_t){0};
  if (waitid(P_PID, (id_t)pid, &information, WSTOPPED | WCONTINUED | WNOHANG) == 0 && information.si_pid == pid) {
    change.kind = information.si_code == CLD_CONTINUED ? ZKL_CONTINUED : ZKL_STOPPED;
    change.value = information.si_status;
  }
  return change;
}

int zkl_reap(pid_t pid) { return pid > 1 && waitpid(pid, NULL, WNOHANG) == pid; }

void zkl_reap_all_but(pid_t kept) {
  for (;;) {
    siginfo_t information = {0};
    if (waitid(P_ALL, 0, &information, WEXITED | WNOHANG | WNOWAIT) != 0 || information.si_pid <= 0) return;
    // Those behind it come when it is gone.
    if (information.si_pid == kept || waitpid(information.si_pid, NULL, WNOHANG) != information.si_pid) return;
  }
}

int zkl_open_terminal(void) { return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY); }

int zkl_set_foreground(int terminal, pid_t group) { return tcsetpgrp(terminal, group); }

int zkl_privacy(int descriptor) {
  struct stat status;
  if (fstat(descriptor, &status) != 0 || !(S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode))) return ZKL_NO_FILE;
  if (status.st_uid != geteuid() && status.st_uid != 0) return ZKL_ANOTHER_USERS;
  return status.st_mode & 077 ? ZKL_OPEN_TO_OTHERS : ZKL_PRIVATE;
}
