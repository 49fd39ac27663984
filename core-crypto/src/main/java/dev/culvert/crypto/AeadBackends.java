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

  private static final List<AeadBackend> ALL = new ArrayList<>();

  /** Backends that this JVM or this processor cannot run. */
  private static final List<Candidate> ABSENT = new ArrayList<>();

  static {
    AeadBackend javax = new JavaxBackend();
    ALL.add(javax);
    ALL.add(new BouncyCastleBackend());
    loadVectorBackend(javax);
  }

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
    return List.copyOf(ALL);
  }

  /** By reflection: without its module the class must not even be linked. */
  private static void loadVectorBackend(AeadBackend oneShot) {
    if (ModuleLayer.boot().findModule(VECTOR_MODULE).isEmpty()) {
      absent("the JVM runs without --add-modules " + VECTOR_MODULE);
      return;
    }
    try {
      Class<? extends AeadBackend> vector =
          Class.forName(VECTOR_BACKEND).asSubclass(AeadBackend.class);
      ALL.add(vector.getConstructor(AeadBackend.class).newInstance(oneShot));
    } catch (InvocationTargetException e) {
      absent(String.valueOf(e.getCause()));
    } catch (ReflectiveOperationException | LinkageError e) {
      absent(e.toString());
    }
  }

  private static void absent(String why) {
    ABSENT.add(new Candidate("vector", why, -1));
  }

  /**
   * Tests and measures the backends that are fast at once, which takes a few hundred milliseconds;
   * the result is kept for the life of the process, or until {@link #reselect}.
   *
   * @param nanoClock nanoseconds of any origin, such as {@code System::nanoTime}
   * @throws IllegalStateException where no backend gives the right answers
   */
  public static Selection select(AeadAlgorithm algorithm, LongSupplier nanoClock) {
    return SELECTED.computeIfAbsent(
        algorithm,
        a -> {
          List<AeadBackend> quick = ALL.stream().filter(b -> !b.startsSlowly()).toList();
          List<Candidate> others = new ArrayList<>(ABSENT);
          for (AeadBackend slow : ALL) {
            if (slow.startsSlowly() && slow.supports(a)) {
              others.add(new Candidate(slow.name(), "not compiled yet", -1));
            }
          }
          return select(quick, others, a, nanoClock);
        });
  }

  /**
   * Runs the backends that start slowly until the JVM has compiled them, then tests and measures
   * all, and keeps the result in place of the first selection. Takes seconds of a processor's time:
   * for a thread in the background. Who holds a cipher of the old selection may go on with it, or
   * change between two trains.
   *
   * @param warmUpNanos how long each may run to get warm
   */
  public static Selection reselect(
      AeadAlgorithm algorithm, LongSupplier nanoClock, long warmUpNanos) {
    for (AeadBackend backend : ALL) {
      if (backend.startsSlowly() && backend.supports(algorithm)) {
        WarmUp.run(backend, algorithm, nanoClock, warmUpNanos);
      }
    }
    Selection selection = select(ALL, ABSENT, algorithm, nanoClock);
    SELECTED.put(algorithm, selection);
    return selection;
  }

  /** The best of these backends, and nothing kept. */
  static Selection select(
      List<AeadBackend> backends, AeadAlgorithm algorithm, LongSupplier nanoClock) {
    return select(backends, List.of(), algorithm, nanoClock);
  }

  private static Selection select(
      List<AeadBackend> backends,
      List<Candidate> others,
      AeadAlgorithm algorithm,
      LongSupplier nanoClock) {
    List<AeadBackend> passed = new ArrayList<>();
    List<Candidate> failed = new ArrayList<>(others);
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
