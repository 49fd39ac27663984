// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.cluster;

import dev.culvert.cluster.resource.CulvertNode;
import dev.culvert.lab.net.LabException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;

/**
 * Nodes that exist in the API alone: a key, two addresses, a range of each family, and endpoints at
 * which nothing listens.
 */
final class FakeNodes {
  /** The ranges of all of them, in the form of {@code CULVERT_CLUSTER_CIDRS}. */
  static final String CLUSTER_CIDRS = "10.64.0.0/10,fd43::/16";

  private static final int AT_A_TIME = 24;
  private static final int KEY_LENGTH = 32;
  private static final int PORT = 51_820;

  private final NodeWriter writer;
  private final AtomicReferenceArray<CulvertNode> nodes;
  private final Random random = new Random(0);

  FakeNodes(NodeWriter writer, int count) {
    this.writer = writer;
    nodes = new AtomicReferenceArray<>(count);
  }

  int count() {
    return nodes.length();
  }

  /** Makes all of them, and accepts them. */
  void create() {
    each(0, count(), 0, this::create);
  }

  private void create(int i) {
    create(i, "fake-%05d".formatted(i));
  }

  private void create(int i, String name) {
    String uid = new UUID(random.nextLong(), random.nextLong()).toString();
    accept(i, writer.claim(name, uid, spec(uid, i)));
  }

  private void accept(int i, CulvertNode claimed) {
    nodes.set(i, writer.accept(claimed, ranges(i), addresses(i)));
  }

  /** Gives a node another key: its daemon claims it, and it is accepted. */
  void changeKey(int i) {
    CulvertNode before = nodes.get(i);
    accept(i, writer.changeClaim(before, spec(before.spec().nodeUID(), i)));
  }

  /** A claim with a new key. */
  private CulvertNode.Spec spec(String uid, int i) {
    byte[] key = new byte[KEY_LENGTH];
    random.nextBytes(key);
    List<String> endpoints =
        addresses(i).stream()
            .map(address -> (address.contains(":") ? "[" + address + "]" : address) + ":" + PORT)
            .toList();
    return new CulvertNode.Spec(
        uid, "wireguard", Base64.getEncoder().encodeToString(key), null, endpoints, null);
  }

  /** Deletes a node, and makes another one that gets its ranges and addresses. */
  void replace(int i) {
    String name = nodes.get(i).metadata().name();
    writer.delete(name);
    create(i, "fake-%05d-%08x".formatted(i, random.nextInt()));
  }

  /**
   * Rolls the first of the nodes: half of them get another key, the others are replaced.
   *
   * @param perSecond nodes per second
   */
  void roll(int number, double perSecond) {
    each(
        0,
        number,
        perSecond,
        i -> {
          if (i % 2 == 0) {
            replace(i);
          } else {
            changeKey(i);
          }
        });
  }

  /** The keys that are accepted now. */
  Set<String> keys() {
    Set<String> keys = new HashSet<>();
    for (int i = 0; i < count(); i++) {
      keys.add(Objects.requireNonNull(nodes.get(i).spec().publicKey()));
    }
    return keys;
  }

  private static List<String> ranges(int i) {
    return List.of(
        "10.%d.%d.0/24".formatted(64 + i / 256, i % 256), "fd43:0:0:%x::/64".formatted(i));
  }

  private static List<String> addresses(int i) {
    return List.of("172.16.%d.%d".formatted(i / 256, i % 256), "2001:db8:1::%x".formatted(i + 1));
  }

  /**
   * Does something for each index, some at a time.
   *
   * @param perSecond how many are begun per second; 0: as many as the API server can do
   */
  static void each(int from, int to, double perSecond, IntConsumer action) {
    long began = System.nanoTime();
    Semaphore room = new Semaphore(AT_A_TIME);
    List<Future<?>> tasks = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i : IntStream.range(from, to).toArray()) {
        if (perSecond > 0) {
          long due = began + (long) ((i - from) * 1e9 / perSecond);
          Thread.sleep(Math.max(0, (due - System.nanoTime()) / 1_000_000));
        }
        room.acquire();
        tasks.add(
            threads.submit(
                () -> {
                  try {
                    action.accept(i);
                  } finally {
                    room.release();
                  }
                }));
      }
      for (Future<?> task : tasks) {
        task.get();
      }
    } catch (ExecutionException e) {
      throw new LabException(String.valueOf(e.getMessage()), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new LabException("interrupted", e);
    }
  }
}
