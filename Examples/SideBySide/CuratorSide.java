// SPDX-License-Identifier: Apache-2.0

import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.RetryForever;
import org.apache.zookeeper.KeeperException;

/** Acquires a lock again and again, and writes to a node while it holds it. The program in Swift beside it does the same. */
public class CuratorSide {
    static final String LOCK = "/side-by-side/lock", WORK = "/side-by-side/work";
    static final byte[] NAME = "curator".getBytes();
    static volatile boolean mayBeLost;

    public static void main(String[] arguments) throws Exception {
        CuratorFramework client =
            CuratorFrameworkFactory.newClient(arguments[0], 4_000, 15_000, new RetryForever(200));
        client.getConnectionStateListenable().addListener((c, state) -> {
            if (!state.isConnected()) mayBeLost = true;
        });
        client.start();
        InterProcessMutex mutex = new InterProcessMutex(client, LOCK);
        while (true) {
            System.out.println("curator waiting");
            mayBeLost = false;
            mutex.acquire();
            try {
                work(client, mutex);
                System.out.println("curator releasing");
            } catch (KeeperException.BadVersionException e) {
                // By an earlier attempt of its own, if the connection was lost in between.
                System.out.println(mayBeLost ? "curator lost, and a write was refused" : "curator refused a write");
            } finally {
                mutex.release();
            }
        }
    }

    static void work(CuratorFramework client, InterProcessMutex mutex) throws Exception {
        if (client.checkExists().forPath(WORK) == null) client.create().forPath(WORK);
        // Whatever its version is. From here on, a late write of an earlier holder is refused.
        int version = client.setData().forPath(WORK, NAME).getVersion();
        // The participants in their order: the first is the holder.
        String node = mutex.getParticipantNodes().iterator().next();
        System.out.println("curator granted, node " + node.substring(LOCK.length() + 1) + ", write " + version);
        for (int i = 0; i < 4; i++) {
            Thread.sleep(250);
            if (mayBeLost) {
                System.out.println("curator lost");
                return;
            }
            version = client.setData().withVersion(version).forPath(WORK, NAME).getVersion();
            System.out.println("curator working, write " + version);
        }
    }
}
