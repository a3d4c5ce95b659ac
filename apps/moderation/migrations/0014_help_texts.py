"""Plainer help texts of reason templates: no change of the database."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0013_case_view'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[
        migrations.AlterField(
            model_name='reasontemplate',
            name='category',
            field=models.CharField(blank=True, choices=[('spam', 'Spam'), ('nudity', 'Nudity'), ('violence', 'Violence'), ('hate', 'Hate'), ('harassment', 'Harassment'), ('self_harm', 'Self Harm'), ('illegal', 'Illegal'), ('intellectual_property', 'Intellectual Property'), ('impersonation', 'Impersonation'), ('other', 'Other')], help_text='Filled in with the text, unless empty.', max_length=30),
        ),
        migrations.AlterField(
            model_name='reasontemplate',
            name='text',
            field=models.CharField(help_text='The affected user sees this text. Moderators can edit it.', max_length=1000),
        ),
        ]),
    ]
