// SPDX-License-Identifier: Apache-2.0
package dev.culvert.tunnel;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import dev.culvert.tunnel.runtime.LimitedLog;
import java.io.File;
import java.net.InetAddress;
import org.junit.jupiter.api.Test;

/** The arrows of the design, and the purity of the engines. */
class ArchitectureTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.culvert");

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
        .whereLayer("offload")
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
            "gateway", "lane", "state", "port", "capture", "offload", "wireguard", "esp", "noise")
        .whereLayer("train")
        .mayOnlyBeAccessedByLayers(
            "gateway", "lane", "port", "capture", "offload", "wireguard", "esp", "engine")
        .whereLayer("crypto")
        .mayOnlyBeAccessedByLayers("noise", "wireguard", "esp", "gateway", "state")
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
        .dependOnClassesThat()
        .resideInAnyPackage("java.nio.file..", "org.slf4j..", "dev.culvert.tunnel.kernel..")
        .orShould()
        .dependOnClassesThat()
        .belongToAnyOf(File.class, InetAddress.class, LimitedLog.class)
        .check(CLASSES);
  }

  @Test
  void enginesAreSansIo() {
    noClasses()
        .that()
        .resideInAnyPackage(PURE)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "io.netty..",
            "jnr..",
            "com.kenai..",
            "java.nio.channels..",
            "java.nio.file..",
            "org.slf4j..")
        .check(CLASSES);
  }

  @Test
  void enginesStartNoThreadsAndReadNoClock() {
    ArchRule rule =
        noClasses()
            .that()
            .resideInAnyPackage(PURE)
            .should()
            .callMethod(System.class, "nanoTime")
            .orShould()
            .callMethod(System.class, "currentTimeMillis")
            .orShould()
            .callMethod(java.time.Instant.class, "now")
            .orShould()
            .dependOnClassesThat()
            .areAssignableTo(Thread.class)
            .orShould()
            .dependOnClassesThat()
            .areAssignableTo(java.util.concurrent.Executor.class)
            .orShould()
            .dependOnClassesThat()
            .areAssignableTo(java.time.Clock.class)
            .orShould()
            .dependOnClassesThat()
            .areAssignableTo(java.net.DatagramSocket.class);
    rule.check(CLASSES);
  }

  @Test
  void everyPackageSaysWhatItIsFor() {
    classes().that().resideInAPackage("dev.culvert..").should(haveAPackageInfo()).check(CLASSES);
  }

  private static com.tngtech.archunit.lang.ArchCondition<JavaClass> haveAPackageInfo() {
    return new com.tngtech.archunit.lang.ArchCondition<>(
        "reside in a package with a package-info") {
      @Override
      public void check(JavaClass item, com.tngtech.archunit.lang.ConditionEvents events) {
        boolean present = item.getPackage().tryGetPackageInfo().isPresent();
        events.add(
            new com.tngtech.archunit.lang.SimpleConditionEvent(
                item,
                present,
                item.getPackageName() + (present ? " has one" : " has no package-info")));
      }
    };
  }
}
