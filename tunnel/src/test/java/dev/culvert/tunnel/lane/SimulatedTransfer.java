// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import dev.culvert.routing.IpAddress;
import dev.culvert.tunnel.engine.Endpoint;
import dev.culvert.tunnel.engine.TunnelPeer;
import dev.culvert.tunnel.port.Offload;
import dev.culvert.tunnel.train.Train;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * TCP flows through the watch of one lane, over a link with a rate, a queue and a delay, in virtual
 * time. The link plays the faults: it may lose whole trains of equal packets, single packets, large
 * ones, or all. The flows go by the timeouts, the slow start and the duplicate acknowledgements of
 * RFC 5681 and the limited transmit of RFC 3042, with Linux's shortest timeout at first.
 */
final class SimulatedTransfer implements AutoCloseable {
  static final long MILLI = 1_000_000;
  static final long SECOND = 1000 * MILLI;

  private static final int MSS = 1000;
  private static final int HEADERS = 40;
  private static final int SACK = 12;
  private static final int HEADROOM = 16;
  private static final int OVERHEAD = 32;
  private static final int MOST_SEGMENTS = 40;
  private static final int MOST_WINDOW = 120;
  private static final int RATE_PER_MILLI = 10;
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

  private record Event(long at, long order, Runnable what) {}

  private final Arena arena = Arena.ofConfined();
  private final MemorySegment memory = arena.allocate(100_000);
  private final PriorityQueue<Event> events =
      new PriorityQueue<>(Comparator.comparingLong(Event::at).thenComparingLong(Event::order));
  private final Random random;
  final List<Boolean> reports = new ArrayList<>();
  final SegmentationSwitch segmentation = new SegmentationSwitch(Offload.Mode.AUTO, reports::add);
  final SegmentationWatch watch = new SegmentationWatch(segmentation);
  private final List<Flow> flows = new ArrayList<>();
  private long orders;
  private long linkFreeAt;

  long now = 5 * SECOND;

  /** Whether trains of several equal packets are lost as a whole. */
  boolean losesTrains;

  boolean losesAll;

  /** Whether several packets at once are lost, however they are sent. */
  boolean losesBursts;

  /** Whether packets with much data are lost; a sender then repeats the half of one. */
  boolean losesLarge;

  double loss;

  /** The longest time for which a packet waits for the link, in nanoseconds. */
  long queue = 20 * MILLI;

  long delay = MILLI / 2;

  /** The senders' timeout. */
  long timeout = 200 * MILLI;

  /** Whether the receivers tell of gaps by SACK, or by repeating an acknowledgement alone. */
  boolean selective = true;

  /** Until then the peer answers nothing, and keeps the packets that arrive. */
  long peerPausesUntil;

  SimulatedTransfer(long seed) {
    random = new Random(seed);
  }

  /** A peer, which is reached through the faulty device or another one. */
  static final class Peer implements TunnelPeer {
    boolean elsewhere;

    /** Whether the socket of the peer's address family gets the packets one by one. */
    boolean packetByPacket;

    @Override
    public Endpoint endpoint() {
      return Endpoint.of(IpAddress.parse("192.0.2.1"), 51820);
    }

    @Override
    public void forgetSource(Endpoint refused) {}

    @Override
    public void forgetSource() {}

    @Override
    public @Nullable Endpoint heardSource() {
      return null;
    }

    @Override
    public void sourceFits(Endpoint heard, boolean fits) {}
  }

  /** A flow to {@code peer} that always has data to send. */
  Flow flow(Peer peer) {
    Flow flow = new Flow(peer, 40_000 + flows.size());
    flows.add(flow);
    later(0, flow::fill);
    return flow;
  }

  /** Repeats something. */
  void every(long interval, Runnable what) {
    later(
        interval,
        () -> {
          what.run();
          every(interval, what);
        });
  }

  private void later(long wait, Runnable what) {
    events.add(new Event(now + wait, orders++, what));
  }

  void run(long time) {
    long end = now + time;
    for (Event next = events.peek(); next != null && next.at <= end; next = events.peek()) {
      events.remove();
      now = Math.max(now, next.at);
      next.what.run();
    }
    now = end;
  }

  /** The segments that the receivers of all flows get in order in that time. */
  int delivered(long time) {
    int before = flows.stream().mapToInt(flow -> flow.expected).sum();
    run(time);
    return flows.stream().mapToInt(flow -> flow.expected).sum() - before;
  }

  /** A train of UDP packets that nobody answers. */
  void flood(Peer peer, int packets) {
    Train train = new Train().startAt(memory, 0, HEADROOM);
    for (int i = 0; i < packets; i++) {
      header(train, 17, 9, 0, 0, MSS, false, false);
    }
    watch.leaving(peer, train, isSegmented(peer), now);
  }

  private boolean isSegmented(Peer peer) {
    return !peer.packetByPacket && segmentation.isOn(now);
  }

  /** Writes a packet behind the others of a train. */
  private void header(
      Train train,
      int protocol,
      int port,
      int sequence,
      int ack,
      int data,
      boolean back,
      boolean sack) {
    MemorySegment to = train.memory();
    int options = sack ? SACK : 0;
    int length = HEADERS + options + data;
    long at = train.add(length, length + OVERHEAD);
    to.asSlice(at, HEADERS + options).fill((byte) 0);
    to.set(ValueLayout.JAVA_BYTE, at, (byte) 0x45);
    to.set(SHORT, at + 2, (short) length);
    to.set(ValueLayout.JAVA_BYTE, at + 9, (byte) protocol);
    to.set(INT, at + 12, back ? 0x0a000201 : 0x0a000101);
    to.set(INT, at + 16, back ? 0x0a000101 : 0x0a000201);
    to.set(SHORT, at + 20, (short) (back ? 5201 : port));
    to.set(SHORT, at + 22, (short) (back ? port : 5201));
    to.set(INT, at + 24, sequence);
    to.set(INT, at + 28, ack);
    to.set(ValueLayout.JAVA_BYTE, at + 32, (byte) (((20 + options) / 4) << 4));
    to.set(ValueLayout.JAVA_BYTE, at + 33, (byte) 0x10);
    if (sack) {
      to.set(INT, at + 40, 0x0101050a);
    }
  }

  /** A train of so many segments that no flow sends. */
  Train data(int count) {
    return data(9, count);
  }

  /** The same of another flow. */
  Train otherData(int count) {
    return data(10, count);
  }

  private Train data(int port, int count) {
    Train train = new Train().startAt(arena.allocate(100_000), 0, HEADROOM);
    for (int i = 0; i < count; i++) {
      header(train, 6, port, i * MSS, 0, MSS, false, false);
    }
    return train;
  }

  /** The acknowledgement of so many segments of {@link #data}. */
  Train answer(int count) {
    Train train = new Train().startAt(arena.allocate(1000), 0, HEADROOM);
    header(train, 6, 9, 1, count * MSS, 0, true, false);
    return train;
  }

  /** A train whose last packet is shorter. */
  Train unequalData() {
    Train train = data(9);
    header(train, 6, 9, 9 * MSS, 0, MSS / 2, false, false);
    return train;
  }

  /** Packets of equal length without data. */
  Train answers(int count) {
    Train train = new Train().startAt(arena.allocate(1000), 0, HEADROOM);
    for (int i = 0; i < count; i++) {
      header(train, 6, 9, 0, 0, 0, false, false);
    }
    return train;
  }

  /** One sender and its receiver; numbers count segments. */
  final class Flow {
    /** Close to the end of the numbers, so that they wrap. */
    private static final int FIRST = -5 * MSS;

    private final Peer peer;
    private final int port;
    private int unacknowledged;
    private int next;
    private int most;
    private double window = 10;
    private double threshold = MOST_WINDOW;
    private int duplicates;
    private long timer;
    private long backoff = 1;

    /** The receiver's next segment, and those behind a gap. */
    private int expected;

    private final TreeSet<Integer> kept = new TreeSet<>();

    /** Whether the last packet of each train is shorter than the others. */
    boolean shortTails;

    private Flow(Peer peer, int port) {
      this.peer = peer;
      this.port = port;
    }

    /** Sends as much as the window allows, as super-packets. */
    private void fill() {
      while (next - unacknowledged < (int) window) {
        int room = (int) window - (next - unacknowledged);
        int count = Math.min(MOST_SEGMENTS, room);
        send(next, count);
        next += count;
        most = Math.max(most, next);
      }
    }

    private void send(int first, int count) {
      Train train = new Train().startAt(memory, 0, HEADROOM);
      for (int i = 0; i < count; i++) {
        boolean shorter = shortTails && count > 1 && i == count - 1;
        header(
            train, 6, port, FIRST + (first + i) * MSS, 0, MSS - (shorter ? 16 : 0), false, false);
      }
      boolean segmented = isSegmented(peer);
      watch.leaving(peer, train, segmented, now);
      boolean equal = train.lastSealedLength() == train.stride();
      boolean faulty = losesBursts || (losesTrains && segmented && !peer.elsewhere);
      if (losesAll || losesLarge || (faulty && count > 1 && equal)) {
        arm();
        return;
      }
      List<Integer> arriving = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        boolean full = linkFreeAt - now > queue;
        if (!full) {
          linkFreeAt = Math.max(linkFreeAt, now) + MILLI / RATE_PER_MILLI;
        }
        if (!full && random.nextDouble() >= loss) {
          arriving.add(first + i);
        }
      }
      if (!arriving.isEmpty()) {
        later(linkFreeAt - now + delay, () -> receive(arriving));
      }
      arm();
    }

    private void receive(List<Integer> arrived) {
      if (now < peerPausesUntil) {
        later(peerPausesUntil - now, () -> receive(arrived));
        return;
      }
      kept.addAll(arrived);
      while (kept.remove(expected)) {
        expected++;
      }
      kept.headSet(expected).clear();
      int ack = expected;
      boolean gap = !kept.isEmpty();
      if (!losesAll && random.nextDouble() >= loss) {
        later(delay, () -> acknowledged(ack, gap));
      }
    }

    private void acknowledged(int ack, boolean gap) {
      Train train = new Train().startAt(memory, 0, HEADROOM);
      header(train, 6, port, 1, FIRST + ack * MSS, 0, true, gap && selective);
      watch.arrived(train, now);
      if (ack > unacknowledged) {
        window += window < threshold ? ack - unacknowledged : 1 / window;
        window = Math.min(window, MOST_WINDOW);
        unacknowledged = ack;
        next = Math.max(next, ack);
        duplicates = 0;
        backoff = 1;
        arm();
      } else if (gap && ++duplicates < 3) {
        send(next++, 1);
        most = Math.max(most, next);
      } else if (gap && duplicates == 3) {
        threshold = Math.max(2, window / 2);
        window = threshold;
        send(unacknowledged, 1);
      }
      fill();
    }

    /** Half of the oldest segment arrives, and the sender goes on with trains. */
    private void sendHalf() {
      Train train = new Train().startAt(memory, 0, HEADROOM);
      int sequence = FIRST + unacknowledged * MSS;
      header(train, 6, port, sequence, 0, MSS / 2, false, false);
      watch.leaving(peer, train, isSegmented(peer), now);
      later(
          delay,
          () -> {
            Train answer = new Train().startAt(memory, 0, HEADROOM);
            header(answer, 6, port, 1, sequence + MSS / 2, 0, true, false);
            watch.arrived(answer, now);
            window = 2;
            next = unacknowledged;
            fill();
          });
    }

    private void arm() {
      long mine = ++timer;
      later(
          timeout * backoff,
          () -> {
            if (mine == timer && unacknowledged < most) {
              threshold = Math.max(2, window / 2);
              window = 1;
              duplicates = 0;
              backoff = Math.min(backoff * 2, 64);
              if (losesLarge) {
                sendHalf();
                return;
              }
              next = unacknowledged + 1;
              send(unacknowledged, 1);
            }
          });
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
