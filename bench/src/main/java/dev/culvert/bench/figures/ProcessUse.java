// SPDX-License-Identifier: Apache-2.0
package dev.culvert.bench.figures;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;

/**
 * The use that a process has made of the machine, by proc(5).
 *
 * @param at {@link System#nanoTime} of the reading
 * @param processorSeconds user and system time since the process began, also of programs that it
 *     ran and that have ended
 * @param writtenBytes of files, as the file system counts them
 */
public record ProcessUse(long at, double processorSeconds, long writtenBytes) {
  /** Fields of /proc/PID/stat, counted behind the command, which may hold any character. */
  private static final int USER_TIME = 14 - 3;

  /** System time, and both of programs that have ended, follow. */
  private static final int TIMES = 4;

  /** USER_HZ, which is 100 on all of Linux's architectures that Java 25 runs on. */
  private static final double TICKS_PER_SECOND = 100;

  /** Reads the use of a process until now. */
  public static ProcessUse of(long pid) {
    String stat = read(pid, "stat");
    String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
    long ticks =
        Arrays.stream(fields, USER_TIME, USER_TIME + TIMES).mapToLong(Long::parseLong).sum();
    return new ProcessUse(
        System.nanoTime(), ticks / TICKS_PER_SECOND, field(pid, "io", "write_bytes"));
  }

  /** The use between an earlier reading and this one. */
  public Span since(ProcessUse before) {
    return new Span(
        (at - before.at) / 1e9,
        processorSeconds - before.processorSeconds,
        writtenBytes - before.writtenBytes);
  }

  /** The use in a span of time. */
  public record Span(double seconds, double processorSeconds, long writtenBytes) {
    /** The share of one processor. */
    public double share() {
      return processorSeconds / seconds;
    }

    /** The processor time above that of a process that rests. */
    public double above(Span rest) {
      return processorSeconds - rest.share() * seconds;
    }
  }

  /** Resident memory now, in MiB. */
  public static double residentMebibytes(long pid) {
    return field(pid, "status", "VmRSS") / 1024.0;
  }

  /** The most resident memory so far, in MiB. */
  public static double peakMebibytes(long pid) {
    return field(pid, "status", "VmHWM") / 1024.0;
  }

  private static long field(long pid, String file, String name) {
    try (Stream<String> lines = read(pid, file).lines()) {
      return lines
          .filter(line -> line.startsWith(name + ":"))
          .map(line -> line.replaceAll("\\D+", ""))
          .mapToLong(Long::parseLong)
          .findFirst()
          .orElseThrow();
    }
  }

  private static String read(long pid, String file) {
    try {
      return Files.readString(Path.of("/proc", Long.toString(pid), file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
