package dev.culvert.crypto;

import java.lang.reflect.InvocationTargetException;
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
  private static final String VECTOR_MODULE = "jdk.incubator.vector";
  private static final String VECTOR_BACKEND = "dev.culvert.crypto.vector.VectorBackend";

  /** At most, to compile what starts slowly; usually it takes less than two seconds. */
  private static final long WARM_UP_NANOS = 15_000_000_000L;

  /** Backends that this JVM or this processor cannot run. */
  private static final List<Candidate> ABSENT = new ArrayList<>();

  private static final List<AeadBackend> ALL = load();

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

  /** Every backend that can run here, proven or not. */
  public static List<AeadBackend> all() {
    return ALL;
  }

  /**
   * A backend to begin with, while {@link #select} finds out which is fastest: the first that gives
   * the right answers and does not need seconds to get going.
   *
   * @throws IllegalStateException where no backend gives the right answers
   */
  public static AeadBackend first(AeadAlgorithm algorithm) {
    return ALL.stream()
        .filter(b -> b.supports(algorithm) && !b.startsSlowly())
        .filter(b -> KnownAnswers.failure(b, algorithm) == null)
        .findFirst()
        .orElseThrow(
            () -> new IllegalStateException("no backend can be trusted with " + algorithm));
  }

  /**
   * Tests and measures all backends. That takes seconds of a processor's time, since what is
   * fastest shows only once the JVM has compiled it: for a thread in the background. The result is
   * kept for the life of the process.
   *
   * @param nanoClock nanoseconds of any origin, such as {@code System::nanoTime}
   * @throws IllegalStateException where no backend gives the right answers
   */
  public static Selection select(AeadAlgorithm algorithm, LongSupplier nanoClock) {
    return SELECTED.computeIfAbsent(
        algorithm,
        a -> {
          for (AeadBackend backend : ALL) {
            if (backend.startsSlowly() && backend.supports(a)) {
              WarmUp.run(backend, a, nanoClock, WARM_UP_NANOS);
            }
          }
          Selection chosen = select(ALL, a, nanoClock);
          List<Candidate> candidates = new ArrayList<>(chosen.candidates());
          candidates.addAll(ABSENT);
          return new Selection(chosen.backend(), List.copyOf(candidates));
        });
  }

  /** By reflection: without its module the class must not even be linked. */
  private static List<AeadBackend> load() {
    AeadBackend javax = new JavaxBackend();
    List<AeadBackend> backends = new ArrayList<>(List.of(javax, new BouncyCastleBackend()));
    if (ModuleLayer.boot().findModule(VECTOR_MODULE).isEmpty()) {
      absent("the JVM runs without --add-modules " + VECTOR_MODULE);
      return List.copyOf(backends);
    }
    try {
      Class<? extends AeadBackend> vector =
          Class.forName(VECTOR_BACKEND).asSubclass(AeadBackend.class);
      backends.add(vector.getConstructor(AeadBackend.class).newInstance(javax));
    } catch (InvocationTargetException e) {
      absent(String.valueOf(e.getCause()));
    } catch (ReflectiveOperationException | LinkageError e) {
      absent(e.toString());
    }
    return List.copyOf(backends);
  }

  private static void absent(String why) {
    ABSENT.add(new Candidate("vector", why, -1));
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
