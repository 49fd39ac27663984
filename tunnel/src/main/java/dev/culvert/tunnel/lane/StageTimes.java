// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel.lane;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The time of a lane by stage, in nanoseconds per packet: the median over batches that are large
 * enough. Off, and then compiled away, unless the JVM was started with {@code
 * -Dculvert.stages=FILE}; the file is written when the gateway closes, as JSON.
 *
 * <p>Splitting includes the checksum, which is computed in the copy; coalescing includes its
 * verification.
 */
public class StageTimes {
  /** The file to write, or null for none. */
  public static final @Nullable String FILE = System.getProperty("culvert.stages");

  private static final boolean ON = FILE != null;
  private static final int SAMPLES = 8192;
  private static final int FEWEST_PACKETS = 32;

  /** The stages in the order of the path. */
  enum Stage {
    READ("out"),
    CLASSIFY("out"),
    SPLIT("out"),
    SEAL("out"),
    SEND("out"),
    RECEIVE("in"),
    OPEN("in"),
    COALESCE("in"),
    WRITE("in");

    private final String direction;

    Stage(String direction) {
      this.direction = direction;
    }
  }

  private static final Stage[] STAGES = Stage.values();

  private final float[][] samples = new float[ON ? STAGES.length : 0][SAMPLES];
  private final int[] counts = new int[STAGES.length];
  private final long[] pending = new long[STAGES.length];

  /** The time at which a stage begins, in nanoseconds. */
  long now() {
    return ON ? System.nanoTime() : 0;
  }

  /**
   * Adds the time since {@code start} to the stage's time in this batch; returns the current time.
   */
  long spent(Stage stage, long start) {
    if (!ON) {
      return 0;
    }
    long end = System.nanoTime();
    pending[stage.ordinal()] += end - start;
    return end;
  }

  /** Subtracts the time since {@code start} from {@code stage}, since it was counted elsewhere. */
  void outside(Stage stage, long start) {
    if (ON) {
      pending[stage.ordinal()] -= System.nanoTime() - start;
    }
  }

  /** Moves time that was counted in {@code outer} but spent in {@code inner}. */
  void within(Stage outer, Stage inner, long start) {
    if (ON) {
      long nanos = System.nanoTime() - start;
      pending[outer.ordinal()] -= nanos;
      pending[inner.ordinal()] += nanos;
    }
  }

  /**
   * Ends a batch of {@code packets} that went through the stages from {@code first} to {@code
   * last}.
   */
  void batch(Stage first, Stage last, int packets) {
    if (!ON) {
      return;
    }
    for (int i = first.ordinal(); i <= last.ordinal(); i++) {
      if (packets >= FEWEST_PACKETS) {
        samples[i][counts[i]++ % SAMPLES] = (float) pending[i] / packets;
      }
      pending[i] = 0;
    }
  }

  /** The medians over all lanes, as JSON. */
  public static String report(List<StageTimes> lanes) {
    List<String> lines = new ArrayList<>();
    for (Stage stage : STAGES) {
      float[] all = new float[lanes.size() * SAMPLES];
      int count = 0;
      for (StageTimes lane : lanes) {
        int of = Math.min(lane.counts[stage.ordinal()], SAMPLES);
        System.arraycopy(lane.samples[stage.ordinal()], 0, all, count, of);
        count += of;
      }
      if (count > 0) {
        Arrays.sort(all, 0, count);
        lines.add(
            String.format(
                Locale.ROOT,
                "  {\"stage\": \"%s\", \"direction\": \"%s\", \"nanosPerPacket\": %.1f,"
                    + " \"batches\": %d}",
                stage.name().toLowerCase(Locale.ROOT),
                stage.direction,
                all[count / 2],
                count));
      }
    }
    return "[\n" + String.join(",\n", lines) + "\n]\n";
  }
}
