// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import dev.culvert.cli.command.Logging;
import java.nio.file.Files;
import java.time.Clock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The modules' layers, seen from the top, and the arrows inside daemon, lab and cli. */
@AnalyzeClasses(packages = "dev.culvert", importOptions = CliArchitectureTest.MainOnly.class)
final class CliArchitectureTest {
  /** Tests come as folders, and those that other modules share in a jar. */
  static final class MainOnly implements ImportOption {
    @Override
    public boolean includes(Location location) {
      return Predefined.DO_NOT_INCLUDE_TESTS.includes(location) && !location.contains("-tests.jar");
    }
  }

  @ArchTest
  static final ArchRule arrowsBetweenModulesRunOneWay =
      layeredArchitecture()
          .consideringOnlyDependenciesInLayers()
          .ensureAllClassesAreContainedInArchitecture()
          .layer("log")
          .definedBy("dev.culvert.log..")
          .layer("crypto")
          .definedBy("dev.culvert.crypto..")
          .layer("routing")
          .definedBy("dev.culvert.routing..")
          .layer("cluster")
          .definedBy("dev.culvert.cluster..")
          .layer("tunnel")
          .definedBy("dev.culvert.tunnel..")
          .layer("daemon")
          .definedBy("dev.culvert.daemon..")
          .layer("lab")
          .definedBy("dev.culvert.lab..")
          .layer("cli")
          .definedBy("dev.culvert.cli..")
          .whereLayer("cli")
          .mayNotBeAccessedByAnyLayer()
          .whereLayer("lab")
          .mayOnlyBeAccessedByLayers("cli")
          .whereLayer("daemon")
          .mayOnlyBeAccessedByLayers("cli", "lab")
          .whereLayer("cluster")
          .mayOnlyBeAccessedByLayers("cli", "lab", "daemon")
          .whereLayer("tunnel")
          .mayOnlyBeAccessedByLayers("cli", "lab", "daemon")
          .whereLayer("log")
          .mayOnlyBeAccessedByLayers("cli", "lab", "daemon", "tunnel", "cluster")
          .whereLayer("routing")
          .mayOnlyBeAccessedByLayers("cli", "lab", "daemon", "tunnel", "cluster")
          .whereLayer("crypto")
          .mayOnlyBeAccessedByLayers("cli", "lab", "daemon", "tunnel", "cluster");

  @ArchTest
  static final ArchRule noPackagesDependOnEachOtherInACircle =
      slices().matching("dev.culvert.(**)").should().beFreeOfCycles();

  /** So each line names its event. */
  @ArchTest
  static final ArchRule linesOfTheLogAreWrittenThroughEventLog =
      noClasses()
          .that()
          .resideOutsideOfPackage("dev.culvert.log")
          .and()
          .areNotAssignableTo(Logging.class)
          .should()
          .dependOnClassesThat()
          .belongToAnyOf(Logger.class, LoggerFactory.class, System.Logger.class);

  @ArchTest static final ArchRule everyPackageSaysItsPurpose = classes().should(haveAPackageInfo());

  private static ArchCondition<JavaClass> haveAPackageInfo() {
    return new ArchCondition<>("reside in a package with a package-info") {
      @Override
      public void check(JavaClass item, ConditionEvents events) {
        boolean present = item.getPackage().tryGetPackageInfo().isPresent();
        events.add(
            new SimpleConditionEvent(
                item,
                present,
                item.getPackageName() + (present ? " has one" : " has no package-info")));
      }
    };
  }

  /** The tunnel is reached through its gateway, the values of its engines, and the kernel. */
  @ArchTest
  static final ArchRule nothingAboveTheTunnelReachesItsPacketPath =
      noClasses()
          .that()
          .resideInAnyPackage("dev.culvert.daemon..", "dev.culvert.lab..", "dev.culvert.cli..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("dev.culvert.tunnel.offload..", "dev.culvert.tunnel.train..");

  /**
   * Commands and output are tested without a kernel. Local servers are handed over to another
   * process with their descriptors, which the JDK's channels do not show.
   */
  @ArchTest
  static final ArchRule onlySteeringTheMachineAndLocalServersTouchTheKernel =
      noClasses()
          .that()
          .resideInAnyPackage("dev.culvert.daemon..", "dev.culvert.lab..", "dev.culvert.cli..")
          .and()
          .resideOutsideOfPackages(
              "dev.culvert.daemon",
              "dev.culvert.daemon.steer",
              "dev.culvert.daemon.socket",
              "dev.culvert.daemon.handover")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("dev.culvert.tunnel.kernel");

  /** A value is the same on every machine and at every time. */
  @ArchTest
  static final ArchRule configurationValuesDoNoInputOrOutput =
      noClasses()
          .that()
          .resideInAPackage("dev.culvert.daemon.config")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "java.io..", "java.nio.channels..", "java.net..", "org.slf4j..", "dev.culvert.log..")
          .orShould()
          .dependOnClassesThat()
          .belongToAnyOf(
              Files.class, ProcessHandle.class, ProcessBuilder.class, Thread.class, Clock.class)
          .orShould()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "dev.culvert.daemon",
              "dev.culvert.daemon.admin..",
              "dev.culvert.daemon.uapi..",
              "dev.culvert.daemon.socket..",
              "dev.culvert.daemon.steer..",
              "dev.culvert.daemon.config.read..",
              "dev.culvert.daemon.config.ready..",
              "dev.culvert.tunnel.kernel..",
              "dev.culvert.tunnel.gateway..",
              "dev.culvert.tunnel.state..");
}
