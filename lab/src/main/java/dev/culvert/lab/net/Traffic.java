// SPDX-License-Identifier: Apache-2.0
package dev.culvert.lab.net;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * The traffic of the lab and of the tests: a program of its own, since it must live in a pod's
 * namespace. Both ends tell the SHA-256 of the bytes that they sent or received.
 *
 * <pre>
 * tcp-serve PORT                        one connection after the other
 * tcp-bytes HOSTS PORTS BYTES SEED      that many random bytes, to each port of each host
 * tcp-text HOST PORT MILLISECONDS TEXT  the text over and over, that long
 * udp-serve PORT COUNT                  counts datagrams until all came, or ten seconds are silent
 * udp-send HOST PORT COUNT SIZE         random datagrams
 * udp-text HOSTS PORT TEXT              one datagram to each host, also after one was refused
 * udp-count HOST PORT TEXT COUNT        numbered datagrams with the text, so many at a time, a
 *                                       thousand times per second, until it is terminated
 * udp-numbers PORT                      counts different numbers, until it is terminated
 * </pre>
 *
 * HOSTS and PORTS are lists with commas: a JVM per packet would take longer than all packets.
 */
public final class Traffic {
  /** Datagrams that are sent before the receiver has told that it has them. */
  private static final int BURST = 16;

  private static final int CHUNK = 1 << 16;
  private static final int PATIENCE_MILLIS = 10_000;
  private static final long PROGRESS_NANOS = Duration.ofMillis(250).toNanos();

  private static final int NUMBERED_SIZE = 200;
  private static final long NUMBERED_PAUSE_NANOS = 900_000;

  private final PrintStream out;

  private Traffic(PrintStream out) {
    this.out = out;
  }

  /** The command that runs this program with {@code arguments}, on the JDK and classes of ours. */
  public static List<String> command(String... arguments) {
    List<String> command =
        new ArrayList<>(
            List.of(
                System.getProperty("java.home") + "/bin/java",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Xshare:auto",
                "-Xmx64m",
                "-cp",
                System.getProperty("java.class.path"),
                Traffic.class.getName()));
    command.addAll(List.of(arguments));
    return command;
  }

  /** Sends from a namespace, and returns the exit code, since a network may refuse. */
  public static int send(Namespace from, String... arguments) {
    return from.attempt(Commands.PATIENCE, Map.of(), command(arguments)).exitCode();
  }

  /** Runs one of the roles in the class's description. */
  public static void main(String[] args) throws IOException {
    new Traffic(System.out).run(args);
  }

  private void run(String[] args) throws IOException {
    switch (args[0]) {
      case "tcp-serve" -> tcpServe(Integer.parseInt(args[1]));
      case "tcp-bytes" -> {
        for (InetSocketAddress to : addresses(args)) {
          tcpBytes(to, Long.parseLong(args[3]), Long.parseLong(args[4]));
        }
      }
      case "tcp-text" ->
          tcpText(address(args), Duration.ofMillis(Long.parseLong(args[3])), args[4]);
      case "udp-serve" -> udpServe(Integer.parseInt(args[1]), Long.parseLong(args[2]));
      case "udp-send" ->
          udpSend(address(args), Integer.parseInt(args[3]), Integer.parseInt(args[4]));
      case "udp-count" -> udpCount(address(args), args[3], Integer.parseInt(args[4]));
      case "udp-numbers" -> udpNumbers(Integer.parseInt(args[1]));
      case "udp-text" -> udpText(addresses(args), args[3]);
      default -> throw new IllegalArgumentException("no such role: " + args[0]);
    }
  }

  private static InetSocketAddress address(String[] args) throws IOException {
    return new InetSocketAddress(InetAddress.getByName(args[1]), Integer.parseInt(args[2]));
  }

  private static List<InetSocketAddress> addresses(String[] args) throws IOException {
    List<InetSocketAddress> addresses = new ArrayList<>();
    for (String host : args[1].split(",", -1)) {
      for (String port : args[2].split(",", -1)) {
        addresses.add(new InetSocketAddress(InetAddress.getByName(host), Integer.parseInt(port)));
      }
    }
    return addresses;
  }

  private void tcpServe(int port) throws IOException {
    try (ServerSocket server = new ServerSocket(port)) {
      out.println("listening");
      while (true) {
        try (Socket socket = server.accept()) {
          receive(socket.getInputStream());
        }
      }
    }
  }

  private void receive(InputStream in) throws IOException {
    MessageDigest digest = sha256();
    byte[] buffer = new byte[CHUNK];
    long total = 0;
    long nextReport = System.nanoTime() + PROGRESS_NANOS;
    for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
      digest.update(buffer, 0, n);
      total += n;
      if (System.nanoTime() - nextReport >= 0) {
        nextReport += PROGRESS_NANOS;
        out.println("progress " + total);
      }
    }
    tell("received", total, digest);
  }

  private void tell(String what, long bytes, MessageDigest digest) {
    out.printf("%s %d %s%n", what, bytes, HexFormat.of().formatHex(digest.digest()));
  }

  private void tcpBytes(InetSocketAddress to, long bytes, long seed) throws IOException {
    Random random = new Random(seed);
    byte[] chunk = new byte[CHUNK];
    MessageDigest digest = sha256();
    try (Socket socket = connect(to)) {
      OutputStream stream = socket.getOutputStream();
      for (long left = bytes; left > 0; left -= CHUNK) {
        random.nextBytes(chunk);
        int length = (int) Math.min(left, CHUNK);
        digest.update(chunk, 0, length);
        stream.write(chunk, 0, length);
      }
    }
    tell("sent", bytes, digest);
  }

  private void tcpText(InetSocketAddress to, Duration duration, String text) throws IOException {
    byte[] chunk = text.repeat(Math.max(1, CHUNK / text.length())).getBytes(UTF_8);
    MessageDigest digest = sha256();
    long bytes = 0;
    try (Socket socket = connect(to)) {
      OutputStream stream = socket.getOutputStream();
      long end = System.nanoTime() + duration.toNanos();
      while (System.nanoTime() - end < 0) {
        digest.update(chunk);
        stream.write(chunk);
        bytes += chunk.length;
      }
    }
    tell("sent", bytes, digest);
  }

  private static Socket connect(InetSocketAddress to) throws IOException {
    Socket socket = new Socket();
    socket.connect(to, PATIENCE_MILLIS);
    return socket;
  }

  private void udpServe(int port, long expected) throws IOException {
    try (DatagramSocket socket = new DatagramSocket(port)) {
      socket.setReceiveBufferSize(4 << 20);
      socket.setSoTimeout(PATIENCE_MILLIS);
      out.println("listening");
      MessageDigest digest = sha256();
      DatagramPacket packet = new DatagramPacket(new byte[CHUNK], CHUNK);
      long count = 0;
      try {
        while (count < expected) {
          packet.setLength(CHUNK);
          socket.receive(packet);
          digest.update(packet.getData(), 0, packet.getLength());
          count++;
          if (count % BURST == 0) {
            socket.send(new DatagramPacket(new byte[1], 1, packet.getSocketAddress()));
          }
        }
      } catch (SocketTimeoutException silence) {
        out.println("silent");
      }
      tell("received", count, digest);
    }
  }

  private void udpSend(InetSocketAddress to, int count, int size) throws IOException {
    Random random = new Random(count);
    MessageDigest digest = sha256();
    byte[] data = new byte[size];
    try (DatagramSocket socket = new DatagramSocket()) {
      socket.setSoTimeout(PATIENCE_MILLIS);
      boolean told = true;
      for (int i = 0; i < count; i++) {
        random.nextBytes(data);
        digest.update(data);
        socket.send(new DatagramPacket(data, size, to));
        if (i % BURST == BURST - 1) {
          told = told && isTold(socket);
        }
      }
    }
    tell("sent", count, digest);
  }

  /**
   * Waits until the receiver has a burst: UDP does not limit its rate by itself, and queues on a
   * busy machine would overflow.
   */
  private static boolean isTold(DatagramSocket socket) throws IOException {
    try {
      socket.receive(new DatagramPacket(new byte[1], 1));
      return true;
    } catch (SocketTimeoutException lost) {
      return false; // A datagram is lost, which the receiver's sum shows.
    }
  }

  private void udpCount(InetSocketAddress to, String text, int atATime) throws IOException {
    AtomicLong sent = new AtomicLong();
    Thread sender = Thread.currentThread();
    AtomicBoolean over = new AtomicBoolean();
    atEnd(
        () -> {
          over.set(true);
          sender.join(PATIENCE_MILLIS);
          out.println("sent " + sent.get());
        });
    byte[] data =
        ByteBuffer.allocate(NUMBERED_SIZE)
            .put(new byte[Long.BYTES])
            .put(text.getBytes(UTF_8))
            .array();
    try (DatagramSocket socket = new DatagramSocket()) {
      out.println("sending");
      while (!over.get()) {
        for (int i = 0; i < atATime; i++) {
          ByteBuffer.wrap(data).putLong(sent.get());
          socket.send(new DatagramPacket(data, data.length, to));
          sent.incrementAndGet();
        }
        LockSupport.parkNanos(NUMBERED_PAUSE_NANOS);
      }
    }
  }

  private void udpNumbers(int port) throws IOException {
    BitSet numbers = new BitSet();
    atEnd(
        () -> {
          synchronized (numbers) {
            out.println("distinct " + numbers.cardinality());
          }
        });
    try (DatagramSocket socket = new DatagramSocket(port)) {
      socket.setReceiveBufferSize(4 << 20);
      out.println("listening");
      DatagramPacket packet = new DatagramPacket(new byte[NUMBERED_SIZE], NUMBERED_SIZE);
      while (true) {
        socket.receive(packet);
        synchronized (numbers) {
          numbers.set(Math.toIntExact(ByteBuffer.wrap(packet.getData()).getLong()));
        }
      }
    }
  }

  private interface LastWords {
    void say() throws InterruptedException;
  }

  private static void atEnd(LastWords words) {
    Runtime.getRuntime()
        .addShutdownHook(
            Thread.ofPlatform()
                .unstarted(
                    () -> {
                      try {
                        words.say();
                      } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                      }
                    }));
  }

  private static void udpText(List<InetSocketAddress> all, String text) throws IOException {
    byte[] data = text.getBytes(UTF_8);
    List<IOException> refusals = new ArrayList<>();
    for (InetSocketAddress to : all) {
      try (DatagramSocket socket = new DatagramSocket()) {
        socket.send(new DatagramPacket(data, data.length, to));
      } catch (IOException e) {
        refusals.add(e);
      }
    }
    if (!refusals.isEmpty()) {
      throw refusals.getFirst();
    }
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
