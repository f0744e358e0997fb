// SPDX-License-Identifier: Apache-2.0

// Acquires and releases Apache Curator's locks by command. The protocol: ../README.md.

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Scanner;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.leader.Participant;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.Revoker;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryUntilElapsed;

public class CuratorPeer {
    /** What all recipes have in common. */
    interface Recipe {
        /** Returns whether it was had in time. */
        boolean acquire(long seconds) throws Exception;

        void release() throws Exception;

        /** What the library says. */
        boolean isHeld();

        default void downgrade() throws Exception {
            throw new UnsupportedOperationException("no downgrade");
        }

        default boolean isReader() {
            return false;
        }

        Collection<String> list() throws Exception;
    }

    static class MutexRecipe implements Recipe {
        private final InterProcessMutex mutex;
        private final boolean isReader;

        MutexRecipe(InterProcessMutex mutex, boolean isReader) {
            this.mutex = mutex;
            this.isReader = isReader;
        }

        public boolean acquire(long seconds) throws Exception {
            return mutex.acquire(seconds, TimeUnit.SECONDS);
        }

        public void release() throws Exception {
            mutex.release();
        }

        public boolean isHeld() {
            return mutex.isAcquiredInThisProcess();
        }

        public boolean isReader() {
            return isReader;
        }

        public Collection<String> list() throws Exception {
            return mutex.getParticipantNodes();
        }
    }

    /** A writer that may go on as a reader, in the two steps that Curator's documentation gives. */
    static class DowngradingRecipe implements Recipe {
        private final InterProcessReadWriteLock lock;
        private boolean isReader;

        DowngradingRecipe(InterProcessReadWriteLock lock) {
            this.lock = lock;
        }

        private InterProcessMutex current() {
            return isReader ? lock.readLock() : lock.writeLock();
        }

        public boolean acquire(long seconds) throws Exception {
            isReader = false;
            return lock.writeLock().acquire(seconds, TimeUnit.SECONDS);
        }

        public void downgrade() throws Exception {
            lock.readLock().acquire();
            lock.writeLock().release();
            isReader = true;
        }

        public void release() throws Exception {
            current().release();
        }

        public boolean isHeld() {
            return current().isAcquiredInThisProcess();
        }

        public Collection<String> list() throws Exception {
            return lock.writeLock().getParticipantNodes();
        }
    }

    static Collection<String> ids(Participant leader, Collection<Participant> participants) {
        List<String> ids = participants.stream().map(Participant::getId).collect(Collectors.toList());
        List<String> leaders =
            participants.stream().filter(Participant::isLeader).map(Participant::getId).collect(Collectors.toList());
        if (!leaders.equals(List.of(leader.getId())) || !ids.get(0).equals(leader.getId())) {
            throw new IllegalStateException("the leader is " + leader + " of " + participants);
        }
        return ids;
    }

    static class LatchRecipe implements Recipe {
        private final String name, path;
        private LeaderLatch latch;

        LatchRecipe(String name, String path) {
            this.name = name;
            this.path = path;
            latch = new LeaderLatch(client, path, name);
        }

        public boolean acquire(long seconds) throws Exception {
            // A latch can be started once.
            latch = new LeaderLatch(client, path, name);
            latch.start();
            if (latch.await(seconds, TimeUnit.SECONDS)) return true;
            latch.close();
            return false;
        }

        public void release() throws Exception {
            latch.close();
        }

        public boolean isHeld() {
            return latch.hasLeadership();
        }

        public Collection<String> list() throws Exception {
            return ids(latch.getLeader(), latch.getParticipants());
        }
    }

    static class SelectorRecipe implements Recipe {
        private final String name, path;
        private LeaderSelector selector;
        private CountDownLatch entered, leave, left;

        SelectorRecipe(String name, String path) {
            this.name = name;
            this.path = path;
            make();
        }

        private void make() {
            CountDownLatch entered = new CountDownLatch(1), leave = new CountDownLatch(1), left = new CountDownLatch(1);
            selector = new LeaderSelector(client, path, new LeaderSelectorListenerAdapter() {
                public void takeLeadership(CuratorFramework client) throws Exception {
                    entered.countDown();
                    try {
                        leave.await();
                    } catch (InterruptedException e) {
                        say(name, "lost");
                        throw e;
                    } finally {
                        left.countDown();
                    }
                }
            });
            selector.setId(name);
            this.entered = entered;
            this.leave = leave;
            this.left = left;
        }

        public boolean acquire(long seconds) throws Exception {
            // A selector can be started once.
            make();
            selector.start();
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
            while (System.nanoTime() < end) {
                if (entered.await(100, TimeUnit.MILLISECONDS)) return true;
                // A suspended connection takes it out of the line, if it is not in it any more.
                selector.requeue();
            }
            selector.close();
            return false;
        }

        public void release() throws Exception {
            leave.countDown();
            left.await();
            // The node goes when `takeLeadership` has returned, and `close` would interrupt that.
            while (selector.hasLeadership()) Thread.sleep(1);
            selector.close();
        }

        public boolean isHeld() {
            return selector.hasLeadership() && left.getCount() > 0;
        }

        public Collection<String> list() throws Exception {
            return ids(selector.getLeader(), selector.getParticipants());
        }
    }

    static class Contender implements Runnable {
        private final String name;
        final BlockingQueue<String[]> commands = new LinkedBlockingQueue<>();
        private Recipe recipe;
        volatile boolean isHolding;

        Contender(String name) {
            this.name = name;
            Thread thread = new Thread(this, name);
            thread.setDaemon(true);
            thread.start();
        }

        public void run() {
            while (true) {
                try {
                    say(name, answer(commands.take()));
                } catch (Exception e) {
                    say(name, "failed " + e);
                }
            }
        }

        private String answer(String[] words) throws Exception {
            switch (words[1]) {
            case "new":
                recipe = make(words[2], words[3]);
                return "made";
            case "acquire":
                isHolding = recipe.acquire(words.length > 2 ? Long.parseLong(words[2]) : 3_600);
                return isHolding ? "acquired" : "timeout";
            case "work":
                return recipe.isHeld() ? "working" : "stopped";
            case "downgrade":
                recipe.downgrade();
                return "downgraded";
            case "list":
                return "listed " + String.join(",", recipe.list());
            case "revoke":
                Revoker.attemptRevoke(client, words[2]);
                return "revoked";
            case "count":
                return count(Integer.parseInt(words[2]), Path.of(words[3]));
            case "release":
                isHolding = false;
                recipe.release();
                return "released";
            default:
                return "failed: no such command";
            }
        }

        private Recipe make(String recipe, String path) {
            byte[] data = name.getBytes(StandardCharsets.UTF_8);
            switch (recipe) {
            case "lock":
                return new MutexRecipe(new InterProcessMutex(client, path) {
                    protected byte[] getLockNodeBytes() {
                        return data;
                    }
                }, false);
            case "revocable":
                InterProcessMutex mutex = new InterProcessMutex(client, path) {
                    protected byte[] getLockNodeBytes() {
                        return data;
                    }
                };
                mutex.makeRevocable(lock -> say(name, "revocation"));
                return new MutexRecipe(mutex, false);
            case "write":
                return new MutexRecipe(new InterProcessReadWriteLock(client, path, data).writeLock(), false);
            case "read":
                return new MutexRecipe(new InterProcessReadWriteLock(client, path, data).readLock(), true);
            case "downgrading":
                return new DowngradingRecipe(new InterProcessReadWriteLock(client, path, data));
            case "latch":
                return new LatchRecipe(name, path);
            case "selector":
                return new SelectorRecipe(name, path);
            default:
                throw new UnsupportedOperationException("no " + recipe);
            }
        }

        private String count(int rounds, Path file) throws Exception {
            int torn = 0;
            for (int i = 0; i < rounds; i++) {
                if (!recipe.acquire(3_600)) throw new IllegalStateException("not acquired");
                String before = Files.readString(file);
                Thread.sleep(1);
                if (!recipe.isReader()) {
                    Files.writeString(file, Integer.toString(Integer.parseInt(before) + 1));
                } else if (!Files.readString(file).equals(before)) {
                    torn++;
                }
                if (recipe instanceof DowngradingRecipe) {
                    before = Files.readString(file);
                    recipe.downgrade();
                    Thread.sleep(1);
                    if (!Files.readString(file).equals(before)) torn++;
                }
                recipe.release();
            }
            return "counted " + rounds + " torn " + torn;
        }
    }

    static CuratorFramework client;
    static final Map<String, Contender> contenders = new HashMap<>();

    static void say(String name, String answer) {
        synchronized (System.out) {
            System.out.println(name + " " + answer.replace('\n', ' '));
            System.out.flush();
        }
    }

    public static void main(String[] arguments) throws Exception {
        client = CuratorFrameworkFactory.newClient(
            arguments[0], Integer.parseInt(arguments[1]), 15_000, new RetryUntilElapsed(60_000, 50));
        client.getConnectionStateListenable().addListener((c, state) -> {
            if (state != ConnectionState.LOST) return;
            synchronized (contenders) {
                for (Contender contender : contenders.values()) {
                    // A selector's user is interrupted, and says so itself.
                    if (contender.isHolding && !(contender.recipe instanceof SelectorRecipe)) say(contender.name, "lost");
                }
            }
        });
        client.start();
        // Beside the input, whose end must be seen even if there is no server.
        Thread connecting = new Thread(() -> {
            try {
                client.blockUntilConnected();
            } catch (InterruptedException e) {
                return;
            }
            synchronized (System.out) {
                System.out.println("ready");
                System.out.flush();
            }
        });
        connecting.setDaemon(true);
        connecting.start();
        Scanner input = new Scanner(System.in);
        while (input.hasNextLine()) {
            String[] words = input.nextLine().split(" ");
            synchronized (contenders) {
                contenders.computeIfAbsent(words[0], Contender::new).commands.add(words);
            }
        }
        Runtime.getRuntime().halt(0);
    }
}
