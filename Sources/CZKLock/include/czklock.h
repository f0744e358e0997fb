// SPDX-License-Identifier: Apache-2.0

// What zklock asks of the system that Swift cannot: code that runs between fork and exec or in a signal handler, and functions
// with a variable number of arguments.
#ifndef CZKLOCK_H
#define CZKLOCK_H

#include <stdint.h>
#include <sys/types.h>

// MARK: What a process starts with

// To be called before anything else opens a descriptor or starts a thread. Remembers the signal mask, for the command. Fills
// closed standard descriptors, so that nothing else gets their numbers; the command has them closed again. Gives SIGCHLD its
// default action, keeps the terminal from stopping this process, and pipes without a reader from ending it. An abort or a trap
// ends the process at once, and leaves no core file.
void zkl_prepare(void);

// MARK: Signals

// A signal that has come.
struct zkl_signal {
  int32_t number;
  // 1 if the kernel sent it, for example for a key of the terminal.
  int32_t from_kernel;
  // Who else.
  int32_t sender;
  // In the process of zkl_watch_group: 1 if the sender descends from the process that started it.
  int32_t from_family;
};

// From here on, signals that the process does not ignore are written to `descriptor` as zkl_signal, and do nothing else: those
// that end a process in the ordinary way, those that stop and continue it, SIGUSR1, SIGUSR2, SIGWINCH, SIGCHLD. They come
// during zkl_poll only; threads that are started later do not get them.
void zkl_catch_signals(int descriptor);

// Waits until one of the descriptors can be read (-1: none), for `milliseconds` at most (-1: no limit), or until a signal came.
// Returns a bit for each that can be read, the first being 1; all bits are 0 after a signal or when the time is over.
int zkl_poll(int first, int second, int third, int milliseconds);

// Stops this process as the terminal would, and returns when it is continued; the SIGCONT that did so is not told of. Returns 0
// if the system did not stop it, since nobody would continue it.
int zkl_stop(void);

// Ends this process by a signal, without a core file. Returns only where that cannot be: in the first process of a container.
void zkl_die(int signal);

// MARK: Processes

// As fork(2). This process must have one thread.
pid_t zkl_fork(void);

// Makes this process the parent of those descendants whose parent ends.
void zkl_adopt_orphans(void);

// Starts a program, found as execvp(3) finds it, with the signal mask that zkl_prepare remembered. The system kills it when
// this thread ends. `group` 0 gives it a process group of its own, which also gets the terminal if `terminal` is not negative.
// Returns its number; or -1 with errno set if it could not be executed.
pid_t zkl_spawn(char *const arguments[], pid_t group, int terminal);

// Starts a process in `group` that does nothing but write the signals it gets to `descriptor`: those that were sent to the
// whole group. It has no other descriptors, and ends with this thread.
pid_t zkl_watch_group(pid_t group, int descriptor);

enum { ZKL_NOTHING, ZKL_EXITED, ZKL_KILLED, ZKL_STOPPED, ZKL_CONTINUED };

// A change of a child.
struct zkl_change {
  int32_t kind;
  pid_t pid;
  // Its exit status, or the signal.
  int32_t value;
};

// Takes one change of the child `pid`. One that has ended stays there, and its number its own, until zkl_reap.
struct zkl_change zkl_change_of(pid_t pid);

// Waits for a child that has ended. Returns 0 if it has not.
int zkl_reap(pid_t pid);

// Waits for every child that has ended, up to `kept`, which is left (-1: none is).
void zkl_reap_all_but(pid_t kept);

// MARK: The terminal

// The controlling terminal, or -1.
int zkl_open_terminal(void);

// Makes `group` the one that has the terminal, also from the background.
int zkl_set_foreground(int terminal, pid_t group);

// MARK: Files

enum { ZKL_PRIVATE, ZKL_OPEN_TO_OTHERS, ZKL_ANOTHER_USERS, ZKL_NO_FILE };

// Tells whether a file or pipe belongs to this user or to root, and nobody else may do anything with it.
int zkl_privacy(int descriptor);

#endif
