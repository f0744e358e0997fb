# SPDX-License-Identifier: Apache-2.0

"""Acquires and releases kazoo's locks by command. The protocol: ../README.md."""

import os
import queue
import sys
import threading
import time

from kazoo.client import KazooClient, KazooState
from kazoo.exceptions import LockTimeout

output = threading.Lock()


def say(line):
    with output:
        print(line, flush=True)


class LockRecipe:
    def __init__(self, lock, is_reader=False):
        self.lock = lock
        self.is_reader = is_reader

    def acquire(self, seconds):
        try:
            return self.lock.acquire(timeout=seconds)
        except LockTimeout:
            return False

    def release(self):
        self.lock.release()

    def is_held(self):
        return self.lock.is_acquired

    def list(self):
        return self.lock.contenders()


class ElectionRecipe:
    is_reader = False

    def __init__(self, election):
        self.election = election
        self.thread = None

    def acquire(self, seconds):
        entered = threading.Event()
        leave = threading.Event()

        def lead():
            entered.set()
            leave.wait()

        self.leave = leave
        self.thread = threading.Thread(target=self.election.run, args=(lead,), daemon=True)
        self.thread.start()
        if entered.wait(seconds):
            return True
        self.election.cancel()
        self.thread.join()
        return False

    def release(self):
        self.leave.set()
        self.thread.join()

    def is_held(self):
        return self.election.lock.is_acquired

    def list(self):
        return self.election.contenders()


class Contender(threading.Thread):
    def __init__(self, client, name):
        super().__init__(daemon=True)
        self.client = client
        self.name = name
        self.commands = queue.Queue()
        self.recipe = None
        self.is_holding = False

    def run(self):
        while True:
            words = self.commands.get()
            try:
                answer = getattr(self, "do_" + words[1])(*words[2:])
            except Exception as error:
                answer = f"failed {error!r}"
            say(f"{self.name} {answer}")

    def do_new(self, recipe, path):
        recipes = {
            "kazoo-lock": lambda: LockRecipe(self.client.Lock(path, self.name)),
            "kazoo-write": lambda: LockRecipe(self.client.WriteLock(path, self.name)),
            "kazoo-read": lambda: LockRecipe(self.client.ReadLock(path, self.name), is_reader=True),
            "election": lambda: ElectionRecipe(self.client.Election(path, self.name)),
        }
        self.recipe = recipes[recipe]()
        return "made"

    def do_acquire(self, seconds="3600"):
        self.is_holding = self.recipe.acquire(float(seconds))
        return "acquired" if self.is_holding else "timeout"

    def do_work(self):
        return "working" if self.recipe.is_held() else "stopped"

    def do_list(self):
        return "listed " + ",".join(self.recipe.list())

    def do_plant(self, path):
        self.client.create(path, None, ephemeral=True)
        return "planted"

    def do_release(self):
        self.is_holding = False
        self.recipe.release()
        return "released"

    def do_count(self, rounds, file):
        torn = 0
        for _ in range(int(rounds)):
            if not self.recipe.acquire(3600):
                raise RuntimeError("not acquired")
            with open(file) as counter:
                before = counter.read()
            time.sleep(0.001)
            if not self.recipe.is_reader:
                with open(file, "w") as counter:
                    counter.write(str(int(before) + 1))
            else:
                with open(file) as counter:
                    torn += counter.read() != before
            self.recipe.release()
        return f"counted {rounds} torn {torn}"


def main():
    client = KazooClient(
        hosts=sys.argv[1], timeout=int(sys.argv[2]) / 1000, command_retry=dict(max_tries=-1, max_delay=0.2)
    )
    contenders = {}

    def changed(state):
        if state == KazooState.LOST:
            for contender in list(contenders.values()):
                if contender.is_holding:
                    say(f"{contender.name} lost")

    client.add_listener(changed)

    def connect():
        client.start()
        say("ready")

    # Beside the input, whose end must be seen even if there is no server.
    threading.Thread(target=connect, daemon=True).start()
    for line in sys.stdin:
        words = line.split()
        if words[0] not in contenders:
            contenders[words[0]] = Contender(client, words[0])
            contenders[words[0]].start()
        contenders[words[0]].commands.put(words)
    os._exit(0)


main()
