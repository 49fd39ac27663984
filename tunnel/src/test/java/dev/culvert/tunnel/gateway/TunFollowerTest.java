// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.culvert.tunnel.kernel.LinkMonitor;
import dev.culvert.tunnel.kernel.NetworkNamespace;
import dev.culvert.tunnel.port.DeviceGoneException;
import dev.culvert.tunnel.port.OffloadModes;
import dev.culvert.tunnel.port.TunDevice;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A device that others rename, move to another network namespace, and delete there. */
@Tag("integration")
class TunFollowerTest {
  private static final int GONE = 0;

  /** MTUs, and {@link #GONE}. */
  private final BlockingQueue<Integer> told = new LinkedBlockingQueue<>();

  private TunFollower follower;
  private NetworkNamespace home;
  private NetworkNamespace elsewhere;
  private TunDevice tun;
  private LinkMonitor monitor;

  @BeforeEach
  void open() throws Exception {
    home = NetworkNamespace.create();
    elsewhere = NetworkNamespace.create();
    tun = home.call(() -> TunDevice.open("cvt0", 2, OffloadModes.AUTO));
    follower =
        new TunFollower(
            tun,
            new TunFollower.Listener() {
              @Override
              public void mtu(int mtu) {
                told.add(mtu);
              }

              @Override
              public void gone() {
                told.add(GONE);
              }
            });
    monitor = home.call(() -> LinkMonitor.start(false, follower::hear, died -> {}));
    follower.start(monitor);
    await(1500);
  }

  @AfterEach
  void close() {
    monitor.close();
    tun.close();
    elsewhere.close();
    home.close();
  }

  private void await(int wanted) throws Exception {
    Integer last = null;
    do {
      last = told.poll(10, TimeUnit.SECONDS);
    } while (last != null && last != wanted);
    assertEquals(wanted, last);
  }

  private static void setMtu(NetworkNamespace namespace, String device, int mtu) throws Exception {
    namespace.exec("ip", "link", "set", device, "mtu", String.valueOf(mtu));
  }

  /** No earlier change is told. */
  private void assertUntold() throws Exception {
    assertNull(told.poll(300, TimeUnit.MILLISECONDS));
  }

  @Test
  void aRenamedDeviceIsFollowedAndNotTheOneThatTakesItsName() throws Exception {
    home.exec("ip", "link", "set", "cvt0", "name", "other");
    await(1500);
    home.exec("ip", "link", "add", "cvt0", "type", "bridge");
    setMtu(home, "cvt0", 1300);
    setMtu(home, "other", 1400);
    await(1400);
    home.exec("ip", "link", "del", "cvt0");
    assertUntold();
  }

  @Test
  void aMovedDeviceIsFollowedUnderItsNewNameAndIndex() throws Exception {
    String index = String.valueOf(tun.locate().link().index());
    elsewhere.exec("ip", "link", "add", "taken", "index", index, "type", "bridge");
    home.exec("ip", "link", "set", "cvt0", "netns", elsewhere.path(), "name", "eth0");
    await(1500);
    home.exec("ip", "link", "add", "cvt0", "index", index, "mtu", "1300", "type", "bridge");
    setMtu(home, "cvt0", 1301);
    setMtu(elsewhere, "taken", 1302);
    home.exec("ip", "link", "del", "cvt0");
    assertUntold();
    setMtu(elsewhere, "eth0", 1400);
    await(1400);
    assertThrows(IOException.class, () -> tun.mtu(1410), "not this device's to set any more");
  }

  @Test
  void aDeviceThatIsMovedOnAndBackIsFollowed() throws Exception {
    NetworkNamespace third = NetworkNamespace.create();
    try {
      home.exec("ip", "link", "set", "cvt0", "netns", elsewhere.path());
      await(1500);
      elsewhere.exec("ip", "link", "set", "cvt0", "netns", third.path());
      await(1500);
      setMtu(third, "cvt0", 1400);
      await(1400);
      third.exec("ip", "link", "set", "cvt0", "netns", home.path());
      await(1400);
      setMtu(home, "cvt0", 1401);
      await(1401);
      home.exec("ip", "link", "del", "cvt0");
      await(GONE);
    } finally {
      third.close();
    }
  }

  @Test
  void aDeviceThatHasToStayIsGoneWhenItIsRenamed() throws Exception {
    follower.endWhenMoved();
    setMtu(home, "cvt0", 1400);
    await(1400);
    home.exec("ip", "link", "set", "cvt0", "name", "other");
    await(GONE);
  }

  @Test
  void aDeviceThatHasToStayIsGoneWhenItIsMoved() throws Exception {
    home.exec("ip", "link", "set", "cvt0", "netns", elsewhere.path());
    await(1500);
    follower.endWhenMoved();
    await(GONE);
  }

  @Test
  void aDeviceThatIsDeletedElsewhereIsGone() throws Exception {
    home.exec("ip", "link", "set", "cvt0", "netns", elsewhere.path());
    await(1500);
    elsewhere.exec("ip", "link", "del", "cvt0");
    await(GONE);
  }

  @Test
  void toFollowADeviceDoesNotKeepItsNamespaceAlive() throws Exception {
    home.exec("ip", "link", "set", "cvt0", "netns", elsewhere.path());
    await(1500);
    elsewhere.close();
    assertTrue(isGoneInTime());
  }

  private boolean isGoneInTime() throws Exception {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(2000);
      for (int i = 0; i < 1000; i++) {
        tun.ports().getFirst().read(buffer, 0, 2000);
        Thread.sleep(10);
      }
      return false;
    } catch (DeviceGoneException e) {
      return true;
    }
  }
}
