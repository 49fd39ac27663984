// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.crypto.AeadAlgorithm;
import dev.culvert.crypto.AeadBackend;
import dev.culvert.crypto.AeadBackends;
import dev.culvert.crypto.AeadKey;
import dev.culvert.crypto.PacketRun;
import dev.culvert.crypto.TrainCipher;
import dev.culvert.tunnel.engine.DataPath;
import dev.culvert.tunnel.engine.DatagramSource;
import dev.culvert.tunnel.engine.DropCounters;
import dev.culvert.tunnel.engine.Overhead;
import dev.culvert.tunnel.engine.SealResult;
import dev.culvert.tunnel.engine.TunnelEngine;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.testing.BackendWithCipher;
import dev.culvert.tunnel.train.Train;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;

/**
 * Makes a lane throw at one place of many: before and after each call into the engine, at each
 * packet that is enciphered, deciphered or laid out, at the look for a route, at the clock, and
 * wherever a stage of the lane begins or ends. The places of a batch are numbered as they are
 * passed.
 */
final class Faults {
  private static final int OFF = Integer.MIN_VALUE;

  /** Throws nowhere, and leaves everything as it is: wrappers would allocate. */
  static final Faults NONE = new Faults(false);

  private final boolean active;
  private final AtomicInteger left = new AtomicInteger(OFF);
  private volatile Predicate<Train> hostile = train -> false;
  private final List<String> leaks = Collections.synchronizedList(new ArrayList<>());
  private final Set<Train> reserved =
      Collections.synchronizedSet(Collections.newSetFromMap(new IdentityHashMap<>()));

  Faults() {
    this(true);
  }

  private Faults(boolean active) {
    this.active = active;
  }

  /** The thrown error: no exception, so that no handler for exceptions alone passes for one. */
  static final class Meant extends Error {
    private static final long serialVersionUID = 1L;

    Meant() {
      super("meant by the test", null, false, false);
    }
  }

  /** Has every look at such a received train throw, from now on. */
  void throwOn(Predicate<Train> hostileTrain) {
    hostile = hostileTrain;
  }

  private void look(Train received) {
    place();
    if (hostile.test(received)) {
      throw new Meant();
    }
  }

  /** Has the place of that number throw, from the next one on that is passed. */
  void throwAt(int place) {
    left.set(place);
  }

  /** Throws no more; returns whether it did. */
  boolean stop() {
    int now = left.getAndSet(OFF);
    return now < 0;
  }

  void place() {
    if (left.get() != OFF && left.getAndDecrement() == 0) {
      throw new Meant();
    }
  }

  /** Trains that were left holding on to a session. */
  List<String> leaks() {
    for (Train train : reserved) {
      if (train.reservation() != null) {
        leaks.add("a train of " + train.packets() + " holds " + train.reservation());
      }
    }
    return List.copyOf(leaks);
  }

  StageTimes stages() {
    if (!active) {
      return new StageTimes();
    }
    return new StageTimes() {
      @Override
      long now() {
        place();
        return super.now();
      }

      @Override
      long spent(Stage stage, long start) {
        place();
        return super.spent(stage, start);
      }

      @Override
      void within(Stage outer, Stage inner, long start) {
        place();
        super.within(outer, inner, start);
      }

      @Override
      void batch(Stage first, Stage last, int packets) {
        place();
        super.batch(first, last, packets);
      }
    };
  }

  Overhead around(Overhead overhead) {
    if (!active) {
      return overhead;
    }
    return new Overhead() {
      @Override
      public int headroom() {
        return overhead.headroom();
      }

      @Override
      public int sealedLength(int innerLength, int mtu) {
        place();
        return overhead.sealedLength(innerLength, mtu);
      }

      @Override
      public int longestInner(int room) {
        place();
        return overhead.longestInner(room);
      }

      @Override
      public boolean copiesTos() {
        place();
        return overhead.copiesTos();
      }
    };
  }

  /** The engine as a lane's router asks it. */
  TunnelEngine around(TunnelEngine engine) {
    if (!active) {
      return engine;
    }
    return (TunnelEngine)
        Proxy.newProxyInstance(
            TunnelEngine.class.getClassLoader(),
            new Class<?>[] {TunnelEngine.class},
            (proxy, method, arguments) -> {
              place();
              try {
                return method.invoke(engine, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
            });
  }

  /** The first backend that has the algorithm, with a place at each packet. */
  AeadBackend backend(AeadAlgorithm algorithm) {
    AeadBackend real = AeadBackends.first(algorithm);
    return new BackendWithCipher(() -> new FaultyCipher(real.newTrainCipher(algorithm)));
  }

  private final class FaultyCipher implements TrainCipher {
    private final TrainCipher cipher;
    private final PacketRun single = new PacketRun();

    FaultyCipher(TrainCipher cipher) {
      this.cipher = cipher;
    }

    private PacketRun packet(PacketRun run, int i) {
      return single
          .at(run.memory(), run.offset() + i * run.stride(), run.stride())
          .of(1, run.lengthOf(i), run.lengthOf(i))
          .counting(run.firstCounter() + i)
          .authenticating(run.aadOffset() + i * run.aadStride(), run.aadStride(), run.aadLength());
    }

    @Override
    public void seal(AeadKey key, PacketRun run) {
      for (int i = 0; i < run.packets(); i++) {
        place();
        cipher.seal(key, packet(run, i));
      }
      place();
    }

    @Override
    public long open(AeadKey key, PacketRun run) {
      long opened = 0;
      for (int i = 0; i < run.packets(); i++) {
        place();
        opened |= (cipher.open(key, packet(run, i)) & 1) << i;
      }
      place();
      return opened;
    }

    @Override
    public void forgetKeys() {
      cipher.forgetKeys();
    }
  }

  DataPath around(DataPath path) {
    if (!active) {
      return path;
    }
    return new DataPath() {
      @Override
      public SealResult reserve(TunnelPeer peer, Train train, long nowNanos) {
        if (train.reservation() != null) {
          leaks.add("a train is used again that holds " + train.reservation());
        }
        place();
        SealResult verdict = path.reserve(peer, train, nowNanos);
        reserved.add(train);
        place();
        return verdict;
      }

      @Override
      public void encipher(Train train) {
        place();
        path.encipher(train);
        place();
      }

      @Override
      public void release(Train train) {
        path.release(train);
      }

      @Override
      public int runLength(Train received, int first) {
        look(received);
        return path.runLength(received, first);
      }

      @Override
      public int open(Train run, DatagramSource from, long nowNanos) {
        look(run);
        int deliverable = path.open(run, from, nowNanos);
        place();
        return deliverable;
      }

      @Override
      public void forgetKeys() {
        path.forgetKeys();
      }

      @Override
      public DropCounters drops() {
        return path.drops();
      }
    };
  }
}
