// SPDX-License-Identifier: Apache-2.0
package dev.culvert.crypto;

import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Chooses the backend that seals packets: the one that measures fastest on this machine among those
 * that give the right answers. The name of a processor or library never decides.
 */
public final class AeadBackends {
  private static final String VECTOR_BACKEND = "dev.culvert.crypto.vector.VectorBackend";

  /** The longest time for warming up a backend that starts slowly. Usually two seconds suffice. */
  private static final long WARM_UP_NANOS = 8_000_000_000L;

  /** Backends that this JVM or this processor cannot run. */
  private static final Map<AeadAlgorithm, List<Candidate>> ABSENT = new ConcurrentHashMap<>();

  private static final AeadBackend JAVAX = new JavaxBackend();

  /** The backends that do not start slowly; {@link #first} takes the first that is right. */
  private static final List<AeadBackend> AT_START =
      Stream.<Optional<AeadBackend>>of(
              of(
                  IntrinsicBackend.NAME,
                  AeadAlgorithm.CHACHA20_POLY1305,
                  () -> IntrinsicBackend.chaCha20Poly1305(JAVAX)),
              Optional.of(JAVAX),
              Optional.of(new BouncyCastleBackend()))
          .flatMap(Optional::stream)
          .toList();

  private static final Map<AeadAlgorithm, AeadBackend> FIRST = new ConcurrentHashMap<>();

  private static final Map<AeadAlgorithm, Selection> SELECTED = new ConcurrentHashMap<>();

  /** Every backend. Apart from the others, since the vector classes take a while to load. */
  private static final class Every {
    static final List<AeadBackend> BACKENDS =
        Stream.concat(
                AT_START.stream(),
                Stream.of(
                        of(
                            IntrinsicBackend.NAME,
                            AeadAlgorithm.AES_GCM,
                            () -> IntrinsicBackend.aesGcm(JAVAX)),
                        of(
                            "vector",
                            AeadAlgorithm.CHACHA20_POLY1305,
                            () -> vector(AT_START.getFirst())))
                    .flatMap(Optional::stream))
            .toList();

    private Every() {}
  }

  private AeadBackends() {}

  /**
   * The result of testing and measuring one backend.
   *
   * @param failure why it may not be used; null if it gave the right answers
   * @param nanosPerPacket to seal one of 46 packets of 1420 bytes, or -1 if it may not be used
   * @param bytesPerPacket bytes that sealing and opening one packet allocate, or -1; if the backend
   *     uses vectors, more than 0 means that the JVM has compiled them badly
   */
  public record Candidate(
      String name, @Nullable String failure, long nanosPerPacket, long bytesPerPacket) {
    static Candidate refused(String name, String failure) {
      return new Candidate(name, failure, -1, -1);
    }

    public boolean passed() {
      return failure == null;
    }

    /** The figures, or the reason for refusing the backend, as text for people. */
    @Override
    public String toString() {
      if (!passed()) {
        return name + " refused: " + failure;
      }
      return name
          + " "
          + nanosPerPacket
          + " ns per packet"
          + (bytesPerPacket == 0 ? "" : " (allocates " + bytesPerPacket + " bytes per packet)");
    }
  }

  /**
   * The instruments of the measurement.
   *
   * @param nanoClock nanoseconds of any origin, such as {@code System::nanoTime}
   * @param allocatedBytes bytes that the calling thread has allocated in its life
   * @param rest leaves the processor to the JVM's compiler and to the traffic for a moment, tens of
   *     milliseconds, or longer while the result is not needed
   */
  public record Meters(LongSupplier nanoClock, LongSupplier allocatedBytes, Runnable rest) {}

  /** The fastest backend, and the results of all: fastest first, then those that failed. */
  public record Selection(AeadBackend backend, List<Candidate> candidates) {}

  /** Every backend that can run here, proven or not. */
  public static List<AeadBackend> all() {
    return Every.BACKENDS;
  }

  /**
   * The backend to start with: the fastest, if {@link #select} has found it already; else the first
   * that gives the right answers and does not start slowly, kept for the life of the process.
   *
   * @throws IllegalStateException if no backend gives the right answers
   */
  public static AeadBackend first(AeadAlgorithm algorithm) {
    Selection fastest = SELECTED.get(algorithm);
    if (fastest != null) {
      return fastest.backend();
    }
    return FIRST.computeIfAbsent(
        algorithm,
        a ->
            AT_START.stream()
                .filter(b -> b.supports(a))
                .filter(b -> KnownAnswers.failure(b, a) == null)
                .findFirst()
                .orElseThrow(
                    () -> new IllegalStateException("no backend can be trusted with " + a)));
  }

  /**
   * Tests and measures the backends that can be the fastest. That takes seconds of processor time,
   * since the JVM has to compile each backend first, so call it from a background thread. The
   * result is kept for the life of the process.
   *
   * @throws IllegalStateException if no backend gives the right answers
   */
  public static Selection select(AeadAlgorithm algorithm, Meters meters) {
    return SELECTED.computeIfAbsent(
        algorithm,
        a -> {
          AeadBackend first = first(a);
          // A backend that starts slowly is the only one that can beat the first; without one, all
          // have to be warm before they can be compared.
          boolean slowStarter = all().stream().anyMatch(b -> b.supports(a) && b.startsSlowly());
          return compare(
              all().stream().filter(b -> !slowStarter || b == first || b.startsSlowly()).toList(),
              a,
              meters);
        });
  }

  /** Like {@link #select}, but measures all backends, and does not keep the result. */
  public static Selection compare(AeadAlgorithm algorithm, Meters meters) {
    return compare(all(), algorithm, meters);
  }

  private static Selection compare(
      List<AeadBackend> backends, AeadAlgorithm algorithm, Meters meters) {
    List<AeadBackend> able = backends.stream().filter(b -> b.supports(algorithm)).toList();
    boolean slowStarter = able.stream().anyMatch(AeadBackend::startsSlowly);
    for (AeadBackend backend : able) {
      if (backend.startsSlowly() == slowStarter) {
        WarmUp.run(backend, algorithm, meters, WARM_UP_NANOS);
      }
    }
    Selection chosen = select(able, algorithm, meters);
    List<Candidate> candidates = new ArrayList<>(chosen.candidates());
    candidates.addAll(ABSENT.getOrDefault(algorithm, List.of()));
    return new Selection(chosen.backend(), List.copyOf(candidates));
  }

  /** A backend; none, if it cannot run here. */
  private static Optional<AeadBackend> of(
      String name, AeadAlgorithm algorithm, Supplier<AeadBackend> make) {
    try {
      return Optional.of(make.get());
    } catch (UnsupportedOperationException e) {
      ABSENT
          .computeIfAbsent(algorithm, _ -> new CopyOnWriteArrayList<>())
          .add(Candidate.refused(name, String.valueOf(e.getMessage())));
      return Optional.empty();
    }
  }

  /** By reflection: without its module the class must not even be linked. */
  private static AeadBackend vector(AeadBackend oneByOne) {
    VectorModule.load();
    try {
      Class<? extends AeadBackend> vector =
          Class.forName(VECTOR_BACKEND).asSubclass(AeadBackend.class);
      return vector.getConstructor(AeadBackend.class).newInstance(oneByOne);
    } catch (InvocationTargetException e) {
      throw new UnsupportedOperationException(String.valueOf(e.getCause()), e);
    } catch (ReflectiveOperationException | LinkageError e) {
      throw new UnsupportedOperationException(e.toString(), e);
    }
  }

  /** Tests and measures the given backends, and does not keep the result. */
  static Selection select(List<AeadBackend> backends, AeadAlgorithm algorithm, Meters meters) {
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
        failed.add(Candidate.refused(backend.name(), failure));
      }
    }
    if (passed.isEmpty()) {
      throw new IllegalStateException(
          "no backend can be trusted with " + algorithm + ": " + failed);
    }
    List<Candidate> candidates = Measurement.of(passed, algorithm, meters);
    int best = 0;
    for (int i = 0; i < candidates.size(); i++) {
      best = candidates.get(i).nanosPerPacket() < candidates.get(best).nanosPerPacket() ? i : best;
    }
    List<Candidate> all = new ArrayList<>(candidates);
    all.sort(Comparator.comparingLong(Candidate::nanosPerPacket));
    all.addAll(failed);
    return new Selection(passed.get(best), List.copyOf(all));
  }
}
