package dev.culvert.crypto;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Which backend seals the packets: of those that give the right answers, the one that measures
 * fastest on this machine. A processor's or a library's name never decides.
 */
public final class AeadBackends {
  private static final List<AeadBackend> ALL =
      List.of(new JavaxBackend(), new BouncyCastleBackend());

  private static final Map<AeadAlgorithm, Selection> SELECTED = new ConcurrentHashMap<>();

  private AeadBackends() {}

  /**
   * What became of one backend.
   *
   * @param failure why it may not be used; null where it gave the right answers
   * @param nanosPerPacket to seal one of 46 packets of 1420 bytes, or -1 where it may not be used
   */
  public record Candidate(String name, @Nullable String failure, long nanosPerPacket) {
    public boolean passed() {
      return failure == null;
    }
  }

  /** The fastest backend, and how all did, fastest first, then those that failed. */
  public record Selection(AeadBackend backend, List<Candidate> candidates) {}

  /** Every backend there is, proven or not. */
  public static List<AeadBackend> all() {
    return ALL;
  }

  /**
   * Tests and measures all backends, which takes a few hundred milliseconds; the result is kept for
   * the life of the process.
   *
   * @param nanoClock nanoseconds of any origin, such as {@code System::nanoTime}
   * @throws IllegalStateException where no backend gives the right answers
   */
  public static Selection select(AeadAlgorithm algorithm, LongSupplier nanoClock) {
    return SELECTED.computeIfAbsent(algorithm, a -> select(ALL, a, nanoClock));
  }

  /** The same for other backends, and nothing kept. */
  static Selection select(
      List<AeadBackend> backends, AeadAlgorithm algorithm, LongSupplier nanoClock) {
    List<AeadBackend> passed = new ArrayList<>();
    List<Candidate> failed = new ArrayList<>();
    for (AeadBackend backend : backends) {
      if (!backend.supports(algorithm)) {
        continue;
      }
      String failure = KnownAnswers.failure(backend, algorithm);
      if (failure == null) {
        passed.add(backend);
      } else {
        failed.add(new Candidate(backend.name(), failure, -1));
      }
    }
    if (passed.isEmpty()) {
      throw new IllegalStateException(
          "no backend can be trusted with " + algorithm + ": " + failed);
    }
    return fastest(passed, failed, Measurement.nanosPerPacket(passed, algorithm, nanoClock));
  }

  private static Selection fastest(
      List<AeadBackend> passed, List<Candidate> failed, long[] nanosPerPacket) {
    List<Candidate> candidates = new ArrayList<>();
    int best = 0;
    for (int i = 0; i < nanosPerPacket.length; i++) {
      candidates.add(new Candidate(passed.get(i).name(), null, nanosPerPacket[i]));
      best = nanosPerPacket[i] < nanosPerPacket[best] ? i : best;
    }
    candidates.sort(Comparator.comparingLong(Candidate::nanosPerPacket));
    candidates.addAll(failed);
    return new Selection(passed.get(best), List.copyOf(candidates));
  }
}
