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

  /** The fastest backend, and how all did, fastest first. */
  public record Selection(AeadBackend backend, List<Candidate> candidates) {}

  /** Every backend there is, proven or not. */
  public static List<AeadBackend> all() {
    return ALL;
  }

  /**
   * Tests and measures all backends, which takes some tens of milliseconds; the result is kept for
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
    List<Candidate> candidates = new ArrayList<>();
    AeadBackend best = null;
    long bestNanos = Long.MAX_VALUE;
    for (AeadBackend backend : backends) {
      if (!backend.supports(algorithm)) {
        continue;
      }
      String failure = KnownAnswers.failure(backend, algorithm);
      long nanos = failure == null ? Measurement.nanosPerPacket(backend, algorithm, nanoClock) : -1;
      candidates.add(new Candidate(backend.name(), failure, nanos));
      if (failure == null && nanos < bestNanos) {
        best = backend;
        bestNanos = nanos;
      }
    }
    if (best == null) {
      throw new IllegalStateException(
          "no backend can be trusted with " + algorithm + ": " + candidates);
    }
    candidates.sort(
        Comparator.comparing((Candidate c) -> !c.passed())
            .thenComparingLong(Candidate::nanosPerPacket));
    return new Selection(best, List.copyOf(candidates));
  }
}
