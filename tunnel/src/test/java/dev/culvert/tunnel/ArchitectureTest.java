// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.belongToAnyOf;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.Serializable;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.InstantSource;
import java.util.Calendar;
import java.util.Date;
import java.util.Set;
import java.util.Timer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.junit.jupiter.api.Test;

/** The arrows of the design, and the purity of the engines. */
class ArchitectureTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.culvert");

  private static final Set<String> NAME_SERVICE =
      Set.of("getByName", "getAllByName", "getLocalHost", "getHostName", "getCanonicalHostName");

  private static final DescribedPredicate<JavaClass> IN_MEMORY =
      assignableTo(Throwable.class)
          .or(belongToAnyOf(ByteArrayOutputStream.class, Closeable.class, Serializable.class));

  /** An address may be made of bytes or digits; {@link #ASKS} finds questions to a name service. */
  private static final DescribedPredicate<JavaClass> ADDRESS =
      belongToAnyOf(InetAddress.class, UnknownHostException.class);

  private static final DescribedPredicate<JavaClass> OUTSIDE_WORLD =
      resideInAnyPackage(
              "java.nio.file..",
              "java.nio.channels..",
              "java.util.logging..",
              "org.slf4j..",
              "dev.culvert.log..")
          .or(resideInAPackage("java.io..").and(not(IN_MEMORY)))
          .or(resideInAPackage("java.net..").and(not(ADDRESS)))
          .or(assignableTo(System.Logger.class))
          .or(assignableTo(ProcessBuilder.class))
          .or(assignableTo(ProcessHandle.class))
          .as("files, sockets, processes or logs");

  private static final DescribedPredicate<JavaAccess<?>> ASKS =
      describe(
          "the console or a name service",
          access ->
              isOneOf(access, System.class, Set.of("in", "out", "err"))
                  || isOneOf(access, InetAddress.class, NAME_SERVICE));

  /** Calls and method references alike. */
  private static final DescribedPredicate<JavaAccess<?>> CLOCK_OR_POOL =
      describe(
          "a clock or the common pool",
          access ->
              isOneOf(access, System.class, Set.of("nanoTime", "currentTimeMillis"))
                  || isNow(access)
                  || Set.of("parallel", "parallelStream").contains(access.getName()));

  private static final String[] PURE = {
    "dev.culvert.crypto..",
    "dev.culvert.routing..",
    "dev.culvert.tunnel.train..",
    "dev.culvert.tunnel.engine..",
    "dev.culvert.tunnel.noise..",
    "dev.culvert.tunnel.wireguard..",
    "dev.culvert.tunnel.esp..",
    "dev.culvert.tunnel.offload.."
  };

  @Test
  void arrowsRunOneWay() {
    layeredArchitecture()
        .consideringOnlyDependenciesInLayers()
        .ensureAllClassesAreContainedInArchitecture()
        .layer("log")
        .definedBy("dev.culvert.log..")
        .layer("crypto")
        .definedBy("dev.culvert.crypto..")
        .layer("routing")
        .definedBy("dev.culvert.routing..")
        .layer("train")
        .definedBy("dev.culvert.tunnel.train..")
        .layer("engine")
        .definedBy("dev.culvert.tunnel.engine..")
        .layer("noise")
        .definedBy("dev.culvert.tunnel.noise..")
        .layer("wireguard")
        .definedBy("dev.culvert.tunnel.wireguard..")
        .layer("esp")
        .definedBy("dev.culvert.tunnel.esp..")
        .layer("offload")
        .definedBy("dev.culvert.tunnel.offload..")
        .layer("port")
        .definedBy("dev.culvert.tunnel.port..")
        .layer("kernel")
        .definedBy("dev.culvert.tunnel.kernel..")
        .layer("lane")
        .definedBy("dev.culvert.tunnel.lane..")
        .layer("gateway")
        .definedBy("dev.culvert.tunnel.gateway..")
        .layer("state")
        .definedBy("dev.culvert.tunnel.state..")
        .layer("runtime")
        .definedBy("dev.culvert.tunnel.runtime..")
        .layer("capture")
        .definedBy("dev.culvert.tunnel.capture..")
        .whereLayer("log")
        .mayOnlyBeAccessedByLayers("gateway", "state", "kernel", "runtime")
        .whereLayer("capture")
        .mayNotBeAccessedByAnyLayer()
        .whereLayer("gateway")
        .mayNotBeAccessedByAnyLayer()
        .whereLayer("lane")
        .mayOnlyBeAccessedByLayers("gateway")
        .whereLayer("state")
        .mayOnlyBeAccessedByLayers("gateway")
        .whereLayer("port")
        .mayOnlyBeAccessedByLayers("gateway", "lane", "capture")
        .whereLayer("offload") // The gateway's rehearsal makes packets as the kernel does.
        .mayOnlyBeAccessedByLayers("gateway", "lane", "capture")
        .whereLayer("noise")
        .mayOnlyBeAccessedByLayers("gateway", "wireguard", "esp")
        .whereLayer("wireguard")
        .mayOnlyBeAccessedByLayers("gateway")
        .whereLayer("esp")
        .mayOnlyBeAccessedByLayers("gateway", "state")
        .whereLayer("runtime")
        .mayOnlyBeAccessedByLayers("gateway", "lane", "state", "kernel")
        .whereLayer("kernel")
        .mayOnlyBeAccessedByLayers("gateway", "state", "port", "capture")
        .whereLayer("engine")
        .mayOnlyBeAccessedByLayers(
            "gateway", "lane", "port", "capture", "offload", "wireguard", "esp", "noise")
        .whereLayer("train")
        .mayOnlyBeAccessedByLayers(
            "gateway", "lane", "port", "capture", "offload", "wireguard", "esp", "engine")
        .whereLayer("crypto")
        .mayOnlyBeAccessedByLayers("noise", "wireguard", "esp", "gateway", "engine")
        .whereLayer("routing")
        .mayOnlyBeAccessedByLayers(
            "gateway",
            "lane",
            "port",
            "capture",
            "offload",
            "wireguard",
            "esp",
            "noise",
            "engine",
            "kernel")
        .check(CLASSES);
  }

  @Test
  void noPackagesDependOnEachOtherInACircle() {
    slices().matching("dev.culvert.(**)").should().beFreeOfCycles().check(CLASSES);
  }

  @Test
  void theLaneReadsNoFilesLogsNothingAsksNoNameServiceAndSpeaksNoNetlink() {
    noClasses()
        .that()
        .resideInAPackage("dev.culvert.tunnel.lane..")
        .should()
        .dependOnClassesThat(
            OUTSIDE_WORLD
                .or(resideInAPackage("dev.culvert.tunnel.kernel.."))
                .or(belongToAnyOf(InetAddress.class)))
        .orShould()
        .accessTargetWhere(ASKS)
        .check(CLASSES);
  }

  @Test
  void enginesAreSansIo() {
    noClasses()
        .that()
        .resideInAnyPackage(PURE)
        .should()
        .dependOnClassesThat(
            OUTSIDE_WORLD.or(resideInAnyPackage("io.netty..", "jnr..", "com.kenai..")))
        .orShould()
        .accessTargetWhere(ASKS)
        .check(CLASSES);
  }

  @Test
  void enginesStartNoThreadsAndReadNoClock() {
    noClasses()
        .that()
        .resideInAnyPackage(PURE)
        .should()
        .accessTargetWhere(CLOCK_OR_POOL)
        .orShould()
        .dependOnClassesThat(
            assignableTo(Thread.class)
                .or(assignableTo(Thread.Builder.class))
                .or(assignableTo(Executor.class))
                .or(assignableTo(CompletableFuture.class))
                .or(assignableTo(Timer.class))
                .or(assignableTo(Date.class))
                .or(assignableTo(Calendar.class))
                .or(assignableTo(InstantSource.class)))
        .check(CLASSES);
  }

  private static boolean isOneOf(JavaAccess<?> access, Class<?> owner, Set<String> names) {
    return access.getTargetOwner().isAssignableTo(owner) && names.contains(access.getName());
  }

  private static boolean isNow(JavaAccess<?> access) {
    return access.getTargetOwner().getPackageName().equals("java.time")
        && access.getName().equals("now");
  }
}
