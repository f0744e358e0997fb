# SPDX-License-Identifier: Apache-2.0

"""A terminal for tests: runs a shell on it, types what it is told, and prints what appears.

Its standard input has lines: `type TEXT` types the text and return, `key C` presses control and that key, `close` hangs up.
Every line that appears on the terminal is printed. It ends with the shell, and with its standard input.
"""

import os
import pty
import select
import signal
import sys
import termios


def main():
    shell, terminal = pty.fork()
    # Not echoed, so that what appears is what programs print: before anything is typed, and before the shell looks.
    own = 0 if shell == 0 else terminal
    attributes = termios.tcgetattr(own)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(own, termios.TCSANOW, attributes)
    if shell == 0:
        os.execv("/bin/bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"])
    commands, screen = b"", b""
    while True:
        ready, _, _ = select.select([0, terminal], [], [])
        if terminal in ready:
            try:
                output = os.read(terminal, 4096)
            except OSError:
                output = b""
            if not output:
                break
            screen += output
            *lines, screen = screen.split(b"\n")
            for line in lines:
                os.write(1, line.rstrip(b"\r") + b"\n")
        if 0 in ready:
            text = os.read(0, 4096)
            if not text:
                break
            commands += text
            *lines, commands = commands.split(b"\n")
            for line in lines:
                word, _, rest = line.partition(b" ")
                if word == b"type":
                    os.write(terminal, rest + b"\n")
                elif word == b"key":
                    os.write(terminal, bytes([rest[0] & 0x1F]))
                elif word == b"close":
                    os.close(terminal)
                    os.waitpid(shell, 0)
                    return
    os.close(terminal)
    try:
        os.kill(shell, signal.SIGHUP)
        os.waitpid(shell, 0)
    except ChildProcessError:
        pass


main()
