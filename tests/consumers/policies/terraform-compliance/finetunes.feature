Feature: What may be created for good

  Scenario: Nothing is public
    Given I have finetune defined
    Then it must contain public
    And its value must be false

  Scenario: Every finetune says what it is for
    Given I have finetune defined
    Then it must contain description
    And its value must match the ".{10,}" regex

  Scenario: Adapters are small
    Given I have finetune defined
    When it has adapter
    Then it must contain adapter
    And it must contain rank
    And its value must be less and equal to 4
